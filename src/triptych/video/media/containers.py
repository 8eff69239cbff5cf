"""What each container can hold unchanged, and the choice of one for a result.

Narrower than what FFmpeg writes: only what common players read back.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from triptych.video.media.info import StreamInfo, VideoInfo
from triptych.video.params import EncodingParams

__all__ = ["CONTAINERS", "Container", "choose_container"]

MPEG_AUDIO = frozenset({"aac", "mp3", "ac3", "eac3"})
PCM = frozenset(
    f"pcm_{kind}" for kind in ("u8", "s16le", "s24le", "s32le", "s16be", "s24be", "s32be", "f32le", "f64le")
)


@dataclass(frozen=True)
class Container:
    """What one container holds."""

    name: str
    """FFmpeg's name of the muxer."""
    suffix: str
    """Ending of file names."""
    audio: frozenset[str]
    """Audio codecs."""
    subtitles: frozenset[str]
    """Subtitle codecs."""
    video: frozenset[str]
    """Video codecs, of the result and of further streams."""
    tick: Fraction = Fraction(0)
    """Seconds a tick of its clock; 0 where every stream has a clock of its own."""
    wraps: int = 0
    """Ticks after which its clock begins anew; 0 where it does not."""
    earliest_s: int = 0
    """When its first frame may be shown."""
    chapters: bool = True
    """Whether it has chapters."""
    attachments: bool = False
    """Whether it has attachments (fonts)."""
    pictures: bool = True
    """Whether it has cover pictures."""

    def holds(self, stream: StreamInfo) -> bool:
        """Tell whether a stream can be copied into it."""
        if stream.picture:
            return self.pictures
        kept = {"audio": self.audio, "subtitle": self.subtitles, "video": self.video}
        return (self.attachments and stream.type == "attachment") or stream.codec in kept.get(stream.type, ())

    def holds_times(self, info: VideoInfo) -> bool:
        """Tell whether its clock has a tick at every frame; what is before 0 only a clock that wraps can show."""
        if info.pts[0] * info.time_base < self.earliest_s:
            return False
        ticks = [pts * info.time_base / self.tick for pts in info.pts] if self.tick else []
        return all(at.denominator == 1 and (not self.wraps or at < self.wraps) for at in ticks)


CONTAINERS = {
    "mp4": Container(
        name="mp4",
        suffix=".mp4",
        audio=MPEG_AUDIO | {"mp2", "opus", "flac", "alac"},
        subtitles=frozenset({"mov_text", "dvd_subtitle"}),
        video=frozenset({"h264", "hevc", "av1", "vp9", "mpeg4"}),
    ),
    "mov": Container(
        name="mov",
        suffix=".mov",
        audio=MPEG_AUDIO | PCM | {"alac", "pcm_mulaw", "pcm_alaw", "amr_nb", "amr_wb", "adpcm_ima_qt"},
        subtitles=frozenset({"mov_text"}),
        video=frozenset({"h264", "hevc", "mpeg4", "prores", "mjpeg", "dvvideo"}),
        pictures=False,
    ),
    "mkv": Container(
        name="matroska",
        suffix=".mkv",
        audio=MPEG_AUDIO
        | PCM
        | {"mp2", "opus", "vorbis", "flac", "alac", "dts", "truehd", "tta", "wavpack", "wmav2", "wmapro"},
        subtitles=frozenset({"subrip", "ass", "ssa", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"}),
        video=frozenset(
            {"h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "mpeg2video", "mjpeg", "theora", "prores", "ffv1"}
        ),
        tick=Fraction(1, 1000),
        attachments=True,
        pictures=False,
    ),
    "webm": Container(
        name="webm",
        suffix=".webm",
        audio=frozenset({"opus", "vorbis"}),
        subtitles=frozenset({"webvtt"}),
        video=frozenset({"av1", "vp8", "vp9"}),
        tick=Fraction(1, 1000),
        pictures=False,
    ),
    "mpegts": Container(
        name="mpegts",
        suffix=".ts",
        audio=MPEG_AUDIO | {"mp2", "dts"},
        subtitles=frozenset({"dvb_subtitle"}),
        video=frozenset({"h264", "hevc", "mpeg2video"}),
        tick=Fraction(1, 90_000),
        wraps=2**33,
        earliest_s=-60,  # FFmpeg counts from below 0 what begins in the last minute before the clock begins anew
        chapters=False,
        pictures=False,
    ),
}


def choose_container(info: VideoInfo, encoding: EncodingParams) -> tuple[Container, list[str]]:
    """Choose the container of a result.

    Args:
        info: The source.
        encoding: Which container is wanted, and the codec it is to hold. `source` takes the source's if it holds
            everything, else the first of mkv, mp4 and mov that does (mp4 first if mkv's clock of milliseconds cannot
            express the frames' times), else that which loses least.

    Returns:
        The container, and warnings about what it cannot hold.
    """
    if encoding.container != "source":
        names: list[str] = [encoding.container]
    else:
        names = list(dict.fromkeys((info.container, "mkv", "mp4", "mov")))
        names = [name for name in names if name in CONTAINERS and encoding.codec in CONTAINERS[name].video]
    losses = {name: list_losses(CONTAINERS[name], info, encoding.codec) for name in names}
    best = min(names, key=lambda name: (sum(weight for weight, _ in losses[name]), names.index(name)))
    return CONTAINERS[best], [warning for _, warning in losses[best]]


def list_losses(container: Container, info: VideoInfo, codec: str) -> list[tuple[int, str]]:
    """List what a container cannot hold of a source with its result's codec, as pairs of a weight and a warning."""
    weights = {"audio": 1000, "video": 100, "subtitle": 10}
    losses = [
        (weights.get(stream.type, 1), f"{container.suffix[1:]} cannot hold {stream.type} stream {stream.index} "
                                      f"({stream.codec or 'unknown'}): it is left out")
        for stream in info.streams
        if stream.index != info.video_index and stream.type != "data" and not container.holds(stream)
    ]  # fmt: skip
    if not container.holds_times(info):
        losses.append((50, f"{container.suffix[1:]} cannot express the times of all frames exactly"))
    # AV1 leaves it to the container, and PyAV has no way to write it into Matroska.
    if codec == "av1" and container.name in ("matroska", "webm") and info.sample_aspect_ratio not in (0, 1):
        losses.append((50, f"{container.suffix[1:]} cannot express the shape of pixels with AV1: take mp4"))
    if info.chapters and not container.chapters:
        losses.append((10, f"{container.suffix[1:]} has no chapters: they are left out"))
    return losses
