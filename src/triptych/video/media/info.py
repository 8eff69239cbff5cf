"""What is known of a video before a frame of it is stylized, and how it is kept as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from functools import cached_property
from typing import Any

__all__ = ["Chapter", "ColourTags", "StreamInfo", "VideoInfo", "VideoRefusedError"]


class VideoRefusedError(ValueError):
    """A video that cannot be handled exactly; the message is the reason, for people."""


@dataclass(frozen=True)
class ColourTags:
    """How a file says its YUV numbers are meant, in FFmpeg's names; `unknown` where it does not say."""

    range: str = "unknown"
    """`tv` (16 to 235), `pc` (0 to 255) or `unknown`."""
    space: str = "unknown"
    """Matrix, for example `bt709`."""
    primaries: str = "unknown"
    """Primaries, for example `bt709`."""
    transfer: str = "unknown"
    """Transfer curve, for example `bt709`."""


@dataclass(frozen=True)
class StreamInfo:
    """One stream of a file."""

    index: int
    """Position in the file."""
    type: str
    """`video`, `audio`, `subtitle`, `data` or `attachment`."""
    codec: str
    """FFmpeg's name of the codec, empty where there is none."""
    sample_rate: int = 0
    """Samples a second of audio."""
    picture: bool = False
    """Whether this is a cover picture."""


@dataclass(frozen=True)
class Chapter:
    """One chapter, in ticks of its own clock."""

    id: int
    """Number in the file."""
    start: int
    """First tick."""
    end: int
    """Tick after the last."""
    time_base: Fraction
    """Seconds a tick."""
    metadata: dict[str, str]
    """Title and such."""


@dataclass(frozen=True)
class VideoInfo:
    """Everything the steps after probing need to know of one video."""

    name: str
    """File name of the source."""
    container: str
    """Kind of the source's container: mp4, mov, mkv, webm, mpegts, avi or another of FFmpeg's names."""
    duration_s: float
    """Length of the whole file."""
    video_index: int
    """Stream of the source that is stylized."""
    frames_index: int
    """Stream that is decoded; differs from `video_index` only once normalised, being then of another file."""
    codec: str
    """Codec of the frames."""
    width: int
    """Columns of a frame as stored, before any rotation."""
    height: int
    """Rows of a frame as stored."""
    time_base: Fraction
    """Seconds a tick of `pts`."""
    pts: tuple[int, ...]
    """Presentation time of every frame shown, ascending."""
    last_duration: int
    """Ticks for which the last frame is shown."""
    keyframes: tuple[int, ...]
    """Presentation times of the frames at which decoding can begin."""
    rate: Fraction
    """Frames a second, on average."""
    rotation: int
    """Degrees by which players turn the picture counter-clockwise."""
    display_matrix: tuple[int, ...]
    """The nine numbers behind `rotation` (flips too); empty without."""
    sample_aspect_ratio: Fraction
    """Width of a pixel by its height; 0 where the file does not say."""
    pixel_format: str
    """FFmpeg's name of the pixel format."""
    bit_depth: int
    """Bits of a sample."""
    colours: ColourTags
    """Colour tags."""
    streams: tuple[StreamInfo, ...]
    """Every stream of the source."""
    chapters: tuple[Chapter, ...]
    """Chapters of the source."""
    needs: tuple[str, ...]
    """What must be normalised before frames can be read: `timestamps` (no frame has one), `gaps` (some have none),
    `deinterlacing`, `deinterlacing_parts` (only the frames marked as interlaced), `tone_mapping`."""
    warnings: tuple[str, ...]
    """What people should know of the result."""
    conceal: bool = False
    """Whether frames that are damaged are shown as the decoder made them, or as the frame before."""

    @property
    def frames(self) -> int:
        """Count the frames shown."""
        return len(self.pts)

    @cached_property
    def durations(self) -> tuple[int, ...]:
        """Ticks until the next frame, for every frame."""
        return (*(after - at for at, after in zip(self.pts, self.pts[1:], strict=False)), self.last_duration)

    def to_json(self) -> dict[str, Any]:
        """Return everything as what JSON can hold; fractions become strings."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("time_base", "rate", "sample_aspect_ratio"):
            values[name] = str(values[name])
        values["colours"] = asdict(self.colours)
        values["streams"] = [asdict(stream) for stream in self.streams]
        values["chapters"] = [{**asdict(chapter), "time_base": str(chapter.time_base)} for chapter in self.chapters]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> VideoInfo:
        """Rebuild it from what `to_json` returned."""
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        for name in ("time_base", "rate", "sample_aspect_ratio"):
            values[name] = Fraction(values[name])
        values["colours"] = ColourTags(**values["colours"])
        values["streams"] = tuple(StreamInfo(**stream) for stream in values["streams"])
        chapters = ({**chapter, "time_base": Fraction(chapter["time_base"])} for chapter in values["chapters"])
        values["chapters"] = tuple(Chapter(**chapter) for chapter in chapters)
        return cls(**values)
