"""What is to be done: the segments of all videos, what each costs, and which rank does which."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triptych.video.media.codecs import name_encoder
from triptych.video.media.conversion import Conversion, plan_conversion
from triptych.video.params import EncodingParams
from triptych.video.planning.plans import PlannedVideo
from triptych.video.planning.segments import Segment, assign_segments, hash_settings
from triptych.video.runtimes.sizes import padded_size, scale_size

__all__ = ["Work", "list_work", "share_work"]


@dataclass(frozen=True)
class Work:
    """A segment to be stylized.

    Attributes:
        video: The video it is of.
        segment: Its frames.
        key: Hash of all it depends on.
        conversion: From the planes of its frames to those of the result.
    """

    video: PlannedVideo
    segment: Segment
    key: str
    conversion: Conversion

    @property
    def frames(self) -> int:
        """Count the frames the network sees."""
        return len(self.segment.pts) + len(self.segment.lead_pts)

    @property
    def pixels(self) -> int:
        """Count their pixels, by which the network's time goes."""
        return self.frames * self.video.info.width * self.video.info.height

    @property
    def engine(self) -> tuple[Any, ...]:
        """Tell which work the same engine does: that of the same checkpoints and size of frames."""
        return (self.video.blend.files, self.video.info.height, self.video.info.width)

    def looks_like(self, other: Work) -> bool:
        """Tell whether frames of both may be given to a stylizer at once: if their colours are meant alike too."""
        return self.engine == other.engine and self.conversion == other.conversion


def list_work(
    videos: Sequence[PlannedVideo],
    engine: Mapping[str, str],
    encoding: EncodingParams,
    tile_pixels: int = 0,
    scale: float = 1.0,
) -> list[Work]:
    """List the segments of all videos in order.

    Args:
        videos: The plan.
        engine: What computes the frames: runtime, precision, versions.
        encoding: How the results are encoded; what encodes is chosen.
        tile_pixels: Frames with more, as the network sees them, are stylized in tiles; 0 for no limit.
        scale: Of the size in which it sees them.
    """
    # What decides about bytes, and not about patience or the name of the file.
    settings = {"crf": encoding.crf, "preset": encoding.preset, "encoder": name_encoder(encoding)}
    work = []
    for video in videos:
        conversion = plan_conversion(video.info, encoding)
        # What has no tiles is the same whatever their size.
        seen = math.prod(padded_size(scale_size((video.info.height, video.info.width), scale)))
        tiles = tile_pixels if 0 < tile_pixels < seen else 0
        encoder = settings | {"pixels": conversion.target.pixel_format}
        for segment in video.segments:
            own = {"pts": list(segment.pts), "lead": len(segment.lead_pts), "tiles": tiles}
            key = hash_settings({"source": video.source_key, "engine": dict(engine), "encoder": encoder, **own})
            work.append(Work(video, segment, key, conversion))
    return work


def share_work(work: Sequence[Work], ranks: int) -> list[list[Work]]:
    """Give each rank about as many pixels, and work of one engine to as few ranks as may be.

    An engine takes seconds to build, so what shares one stays together: the work is put in the order of engines and
    cut into a run for each rank.

    Args:
        work: What is to be done.
        ranks: How many share it.
    """
    order = {engine: number for number, engine in enumerate(dict.fromkeys(item.engine for item in work))}
    together = sorted(work, key=lambda item: order[item.engine])
    return assign_segments(together, ranks, weigh=lambda item: item.pixels)
