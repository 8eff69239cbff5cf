"""Colours: what the tags of a file mean, and YUV to RGB and back without loss beyond rounding.

The matrices are those of ITU-T H.273, table 4. Where a file names none, pictures wider than 1279 or higher than
576 pixels count as BT.709 and others as BT.601, as players do.

Samples of chroma lie on the left one of two columns and between two rows, as H.264 and most others have it where a
file does not say; of JPEG and MPEG-1 they lie between the columns too. The two filters of the 5/3 wavelet (LeGall and
Tabatabai, 1988; JPEG 2000, annex F) go from column to column and back: linear interpolation to RGB, and a low pass that
undoes it. Rows are repeated and averaged. So a frame that comes back unchanged keeps its chroma, and a new picture
gets it at the right place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.video.media.info import ColourTags, VideoInfo

__all__ = ["ColourConversion", "chroma_of", "name_tags", "plan_conversion", "tag_output"]

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
LIMITED_TO_FULL = np.clip(np.rint((np.arange(256) - 16) * 255 / 219), 0, 255).astype(np.uint8)
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
BETWEEN_COLUMNS = ("mjpeg", "mpeg1video")
LOW_PASS = np.array([[-1, 2, 6, 2, -1]], np.float32) / 8
PLANAR = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv440p", "yuvj440p", "yuv411p",
          "yuvj411p", "yuv410p")  # fmt: skip


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


def _guess_space(width: int, height: int) -> str:
    return "bt709" if width >= 1280 or height > 576 else "smpte170m"


def tag_output(info: VideoInfo) -> ColourTags:
    """Return the tags of the result: the source's, except that RGB and grey become YUV of limited range."""
    if not _is_grey_or_rgb(info.pixel_format):
        # yuvj is full range by its very name.
        implied = "pc" if info.pixel_format.startswith("yuvj") else info.colours.range
        return ColourTags(implied, info.colours.space, info.colours.primaries, info.colours.transfer)
    space = _guess_space(info.width, info.height)
    return ColourTags("tv", space, info.colours.primaries, info.colours.transfer)


def chroma_of(width: int, height: int) -> str:
    """Return the pixel format of the result: 4:2:0, which every player opens, or 4:4:4 where a side is odd.

    H.264 cannot crop 4:2:0 to an odd number of columns or rows (chroma is stored for pairs of them).
    """
    return "yuv420p" if width % 2 == 0 and height % 2 == 0 else "yuv444p"


@dataclass(frozen=True)
class ColourConversion:
    """Frames of one video to RGB, and RGB to the planes of its result."""

    to_rgb_matrix: NDArray[np.float32]
    """Shape (3, 4): from (y, u, v, 1), in 0 to 255, to RGB."""
    to_yuv_matrix: NDArray[np.float32]
    """Shape (3, 4): from (r, g, b, 1) to YUV."""
    subsample: bool
    """Whether the result is 4:2:0 (else 4:4:4)."""
    between: bool = False
    """Whether the source's chroma lies between columns, and not on the left ones."""

    def to_rgb(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """Convert a decoded frame.

        Args:
            frame: A frame of any pixel format.

        Returns:
            RGB, uint8, shape (height, width, 3).
        """
        name = frame.format.name
        if name.startswith("gray"):
            return self._grey_to_rgb(frame)
        if _is_grey_or_rgb(name):
            return np.ascontiguousarray(frame.to_ndarray(format="rgb24"))
        if name not in PLANAR:
            frame = _to_planar(frame)
        luma, *chroma = (_view_plane(plane) for plane in frame.planes[:3])
        height, width = luma.shape
        full = cv2.merge([luma, *(_enlarge(plane, height, width, self.between) for plane in chroma)])
        return np.asarray(cv2.transform(full, self.to_rgb_matrix), dtype=np.uint8)

    def _grey_to_rgb(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """Repeat luma as red, green and blue; without a tag it has full range, as in FFmpeg."""
        range_ = frame.color_range or 2
        frame = frame.reformat(format="gray", src_color_range=range_, dst_color_range=range_)
        luma = _view_plane(frame.planes[0])
        if range_ == 1:
            luma = np.asarray(cv2.LUT(luma, LIMITED_TO_FULL), dtype=np.uint8)
        return np.asarray(cv2.merge([luma] * 3), dtype=np.uint8)

    def to_planes(self, rgb: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """Convert an RGB frame to contiguous planes Y, U, V of the result's pixel format."""
        height, width = rgb.shape[:2]
        planes = list(cv2.split(cv2.transform(rgb, self.to_yuv_matrix)))
        if self.subsample:
            planes[1:] = [_halve(np.asarray(plane, np.uint8), height // 2, width) for plane in planes[1:]]
        return [np.ascontiguousarray(plane, dtype=np.uint8) for plane in planes]


def plan_conversion(info: VideoInfo) -> ColourConversion:
    """Choose the matrices for a video's frames and for its result, which are inverse to each other."""
    tags = tag_output(info)
    space = tags.space if tags.space in WEIGHTS else _guess_space(info.width, info.height)
    to_rgb = _yuv_to_rgb(*WEIGHTS[space], full=tags.range == "pc")
    whole = np.linalg.inv(np.vstack([to_rgb, [0, 0, 0, 1]]))
    subsample = chroma_of(info.width, info.height) == "yuv420p"
    between = info.codec in BETWEEN_COLUMNS
    return ColourConversion(to_rgb.astype(np.float32), whole[:3].astype(np.float32), subsample, between)


def _yuv_to_rgb(red: float, blue: float, *, full: bool) -> NDArray[np.float64]:
    """Return the matrix (3, 4) from 8-bit YUV to 8-bit RGB, from the shares of red and blue in luma (H.273, 8.3)."""
    green = 1 - red - blue
    luma, chroma = (1.0, 1.0) if full else (255 / 219, 255 / 224)
    rows = [
        [luma, 0, 2 * (1 - red) * chroma],
        [luma, -2 * (1 - blue) * blue / green * chroma, -2 * (1 - red) * red / green * chroma],
        [luma, 2 * (1 - blue) * chroma, 0],
    ]
    matrix = np.array(rows)
    zero = np.array([0 if full else 16, 128, 128])
    return np.column_stack([matrix, -matrix @ zero])


def _to_planar(frame: av.VideoFrame) -> av.VideoFrame:
    """Bring deeper, semi-planar, packed or transparent YUV to 8-bit planes, range and matrix untouched."""
    chroma = {(1, 1): "yuv444p", (2, 1): "yuv422p", (2, 2): "yuv420p"}
    component = frame.format.components[1]
    ratio = (round(frame.width / component.width), round(frame.height / component.height))
    return frame.reformat(
        format=chroma.get(ratio, "yuv444p"),
        src_color_range=frame.color_range or 1,
        dst_color_range=frame.color_range or 1,
    )


def _view_plane(plane: av.video.plane.VideoPlane) -> NDArray[np.uint8]:
    """View the bytes of a plane without its padding, shape (height, width)."""
    data: Any = plane
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]


def _enlarge(plane: NDArray[np.uint8], height: int, width: int, between: bool) -> NDArray[np.uint8]:
    """Bring chroma to the size of luma; where that is odd, the last sample counts for one pixel only."""
    if plane.shape == (height, width):
        return plane
    down, across = -(-height // plane.shape[0]), -(-width // plane.shape[1])
    if across > 1:
        plane = _interpolate(plane, across, between)[:, :width]
    grown = cv2.resize(plane, None, fx=1, fy=down, interpolation=cv2.INTER_NEAREST) if down > 1 else plane
    return np.asarray(grown[:height], dtype=np.uint8)


def _interpolate(plane: NDArray[np.uint8], across: int, between: bool) -> NDArray[np.uint8]:
    """Put columns between columns; the last one stands for what would come after it."""
    if between:
        wide = cv2.resize(plane, None, fx=across, fy=1, interpolation=cv2.INTER_LINEAR)
        return np.asarray(wide, dtype=np.uint8)
    after = np.concatenate([plane[:, 1:], plane[:, -1:]], 1)
    columns = np.empty((plane.shape[0], plane.shape[1] * across), np.uint8)
    columns[:, ::across] = plane
    for step in range(1, across):
        columns[:, step::across] = cv2.addWeighted(plane, 1 - step / across, after, step / across, 0)
    return columns


def _halve(plane: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Average two rows, and take every other column after a low pass."""
    rows = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
    low = cv2.filter2D(rows, -1, LOW_PASS, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(low[:, ::2], dtype=np.uint8)
