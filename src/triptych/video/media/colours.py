"""Colours: what the tags of a file mean.

The matrices are those of ITU-T H.273, table 4. Where a file names none, pictures wider than 1279 or higher than
576 pixels count as BT.709 and others as BT.601, as players do.
"""

from __future__ import annotations

from triptych.video.media.info import ColourTags, VideoInfo

__all__ = ["WEIGHTS", "chroma_of", "guess_space", "name_tags", "tag_output"]

RANGES = {0: "unknown", 1: "tv", 2: "pc"}
SPACES = {0: "gbr", 1: "bt709", 2: "unknown", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco",
          9: "bt2020nc", 10: "bt2020c", 14: "ictcp"}  # fmt: skip
PRIMARIES = {1: "bt709", 2: "unknown", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film",
             9: "bt2020", 10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "ebu3213"}  # fmt: skip
TRANSFERS = {1: "bt709", 2: "unknown", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "linear",
             9: "log100", 10: "log316", 11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1", 14: "bt2020-10",
             15: "bt2020-12", 16: "smpte2084", 17: "smpte428", 18: "arib-std-b67"}  # fmt: skip
# Shares of red and blue in luma.
WEIGHTS = {"bt709": (0.2126, 0.0722), "fcc": (0.30, 0.11), "bt470bg": (0.299, 0.114), "smpte170m": (0.299, 0.114),
           "smpte240m": (0.212, 0.087), "bt2020nc": (0.2627, 0.0593), "bt2020c": (0.2627, 0.0593)}  # fmt: skip
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")


def name_tags(range_: int, space: int, primaries: int, transfer: int) -> ColourTags:
    """Name the codes of a stream; a reserved code counts as unknown."""
    return ColourTags(
        range=RANGES.get(range_, "unknown"),
        space=SPACES.get(space, "unknown"),
        primaries=PRIMARIES.get(primaries, "unknown"),
        transfer=TRANSFERS.get(transfer, "unknown"),
    )


def _is_grey_or_rgb(pixel_format: str) -> bool:
    return pixel_format.startswith(("gray", "ya", "mono", "pal", "gbr", "rgb", "bgr", "argb", "abgr", "0rgb", "0bgr"))


def guess_space(width: int, height: int) -> str:
    """Name the matrix of a picture whose file names none."""
    return "bt709" if width >= 1280 or height > 576 else "smpte170m"


def tag_output(info: VideoInfo) -> ColourTags:
    """Return the tags of the result: the source's, except that RGB and grey become YUV of limited range."""
    if not _is_grey_or_rgb(info.pixel_format):
        # yuvj is full range by its very name.
        implied = "pc" if info.pixel_format.startswith("yuvj") else info.colours.range
        return ColourTags(implied, info.colours.space, info.colours.primaries, info.colours.transfer)
    space = guess_space(info.width, info.height)
    return ColourTags("tv", space, info.colours.primaries, info.colours.transfer)


def chroma_of(width: int, height: int, codec: str = "h264") -> str:
    """Return the pixel format of the result: 4:2:0, which every player opens, or 4:4:4 where a side is odd.

    H.264 and HEVC cannot crop 4:2:0 to an odd number of columns or rows (chroma is stored for pairs of them); AV1 can.
    """
    return "yuv420p" if codec == "av1" or (width % 2 == 0 and height % 2 == 0) else "yuv444p"
