"""Planes to RGB and back on the processor, without loss beyond rounding.

Samples of chroma lie on the left one of two columns and between two rows, as H.264 and most others have it where a
file does not say; of JPEG and MPEG-1 they lie between the columns too. The two filters of the 5/3 wavelet (LeGall and
Tabatabai, 1988; JPEG 2000, annex F) go from column to column and back: linear interpolation to RGB, and a low pass that
undoes it. Rows are repeated and averaged. So a frame that comes back unchanged keeps its chroma, and a new picture
gets it at the right place.

`network.planes` does the same on a GPU, within the network's graph. On a processor it is OpenCV that is quicker, by
far: a frame of 640x360 takes 1.4 ms both ways, and 155 ms in OpenVINO's graph, whose concatenations and strides are
not vectorised.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.video.media.colours import WEIGHTS, chroma_of, guess_space, tag_output
from triptych.video.media.info import VideoInfo
from triptych.video.media.planes import MOST_BITS, Layout, Plane, Planes, choose_layout
from triptych.video.params import EncodingParams

__all__ = ["Conversion", "Rgb", "plan_conversion", "warn_of_bits"]

Rgb = NDArray[Any]
"""uint8, or float32 of 0 to 255 where planes have more than 8 bits; (height, width, 3)."""
Matrix = tuple[tuple[float, ...], ...]
BETWEEN_COLUMNS = ("mjpeg", "mpeg1video")
LOW_PASS = np.array([[-1, 2, 6, 2, -1]], np.float32) / 8
_GREEN_BLUE_RED = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])


@dataclass(frozen=True)
class Conversion:
    """From the planes of a video to RGB, and from RGB to the planes of its result.

    Attributes:
        source: How the video's planes lie.
        target: How those of the result lie.
        to_rgb_matrix: (3, 4), from (y, u, v, 1) to RGB of 0 to 255.
        to_yuv_matrix: (3, 4), from (r, g, b, 1) to YUV.
    """

    source: Layout
    target: Layout
    to_rgb_matrix: Matrix
    to_yuv_matrix: Matrix

    @property
    def deep(self) -> bool:
        """Tell whether RGB of 8 bits would lose something."""
        return max(self.source.bits, self.target.bits) > 8

    @property
    def changes_nothing(self) -> bool:
        """Tell whether a frame's planes are those of the result, if nothing is done to it."""
        return self.source == self.target

    def deepened(self) -> Conversion:
        """Give that of the same frames with their samples in 12 bits: 16 times the number where there were 8."""
        step = 2 ** (MOST_BITS - self.source.bits)
        matrix = tuple((a / step, b / step, c / step, d) for a, b, c, d in self.to_rgb_matrix)
        return replace(self, source=replace(self.source, bits=MOST_BITS), to_rgb_matrix=matrix)

    def of_result(self) -> Conversion:
        """Give that of the result's own frames, by which they can be looked at."""
        whole = np.vstack([np.array(self.to_yuv_matrix), [0, 0, 0, 1]])
        return replace(self, source=self.target, to_rgb_matrix=_as_tuples(np.linalg.inv(whole)[:3]))

    @cached_property
    def matrices(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Both matrices as float32, (3, 4)."""
        return np.array(self.to_rgb_matrix, np.float32), np.array(self.to_yuv_matrix, np.float32)

    def to_rgb(self, planes: Planes) -> Rgb:
        """Convert planes as the source's layout has them."""
        values = [plane.astype(np.float32) for plane in planes] if self.deep else list(planes)
        height, width = values[0].shape
        whole = cv2.merge([values[0], *(_enlarge(plane, height, width, self.source.between) for plane in values[1:])])
        return np.asarray(cv2.transform(whole, self.matrices[0]))

    def to_bytes(self, planes: Planes) -> NDArray[np.uint8]:
        """Convert planes as the source's layout has them to RGB of 8 bits."""
        rgb = self.to_rgb(planes)
        return np.asarray(np.rint(rgb).clip(0, 255) if self.deep else rgb, np.uint8)

    def to_planes(self, rgb: Rgb) -> Planes:
        """Convert RGB, of the type that `to_rgb` gives, to planes as the target's layout has them."""
        y, u, v = cv2.split(cv2.transform(rgb, self.matrices[1]))
        if self.target.across > 1:
            u, v = _halve(u), _halve(v)
        return self._store(y), self._store(u), self._store(v)

    def to_chroma(self, planes: Planes) -> tuple[Plane, Plane]:
        """Convert planes as the source's layout has them to chroma as the target's has it, luma left out.

        Colours beyond what RGB can show stay as they are; nothing is rounded but the result.
        """
        if self.changes_nothing:
            return planes[1], planes[2]
        height, width = planes[0].shape
        luma, *chroma = (plane.astype(np.float32) for plane in planes)
        whole = cv2.merge([luma, *(_enlarge(plane, height, width, self.source.between) for plane in chroma)])
        there, back = (np.vstack([matrix, [0, 0, 0, 1]]) for matrix in (self.to_rgb_matrix, self.to_yuv_matrix))
        both: Any = cv2.split(cv2.transform(whole, (back @ there)[1:3]))
        if self.target.across > 1:
            both = [_halve(plane) for plane in both]
        most = 2**self.target.bits - 1
        u, v = (np.rint(plane).clip(0, most).astype(self.target.dtype) for plane in both)
        return u, v

    def _store(self, plane: Any) -> Plane:
        if self.deep:
            plane = np.rint(plane).clip(0, 2**self.target.bits - 1)
        return np.ascontiguousarray(plane, dtype=self.target.dtype)

    def convert(self, planes: Planes) -> Planes:
        """Convert the planes of a frame to which nothing else is done."""
        return planes if self.changes_nothing else self.to_planes(self.to_rgb(planes))


def plan_conversion(info: VideoInfo, encoding: EncodingParams = EncodingParams()) -> Conversion:  # noqa: B008 - frozen
    """Choose planes and matrices for a video's frames and for its result.

    Args:
        info: The video.
        encoding: Bits of a sample of the result (`source` keeps more than 8 as 10), and its codec.
    """
    between = info.codec in BETWEEN_COLUMNS
    source = choose_layout(av.VideoFormat(info.pixel_format), info.height, info.width, between=between)
    half = 2 if chroma_of(info.width, info.height, encoding.codec) == "yuv420p" else 1
    target = Layout(info.height, info.width, half, half, _choose_bits(info, encoding))
    tags = tag_output(info)
    weights = WEIGHTS[tags.space if tags.space in WEIGHTS else guess_space(info.width, info.height)]
    written = _yuv_to_rgb(*weights, target.bits, full=tags.range == "pc")
    read = _read_matrix(source, weights, info.colours.range, full=tags.range == "pc")
    back = np.linalg.inv(np.vstack([written, [0, 0, 0, 1]]))[:3]
    return Conversion(source, target, _as_tuples(read), _as_tuples(back))


def _choose_bits(info: VideoInfo, encoding: EncodingParams) -> int:
    if encoding.bit_depth != "source":
        return encoding.bit_depth
    return 10 if info.bit_depth > 8 else 8


def warn_of_bits(info: VideoInfo, encoding: EncodingParams) -> list[str]:
    """Say if the result of a video has fewer bits a sample."""
    bits = _choose_bits(info, encoding)
    return [f"the source has {info.bit_depth} bits a sample, the result has {bits}"] if info.bit_depth > bits else []


def _read_matrix(source: Layout, weights: tuple[float, float], range_: str, *, full: bool) -> NDArray[np.float64]:
    """Return the matrix (3, 4) from the samples of a layout to RGB; RGB and untagged grey have full range."""
    if source.kind == "yuv":
        return _yuv_to_rgb(*weights, source.bits, full=full)
    scale = 255 / (2**source.bits - 1)
    if source.kind == "gbr":
        return np.column_stack([_GREEN_BLUE_RED * scale, np.zeros(3)])
    if range_ != "tv":
        return np.column_stack([np.eye(3) * scale, np.zeros(3)])
    scale = 255 / 219 / 2 ** (source.bits - 8)
    return np.column_stack([np.eye(3) * scale, np.full(3, -16 * 255 / 219)])


def _yuv_to_rgb(red: float, blue: float, bits: int, *, full: bool) -> NDArray[np.float64]:
    """Return the matrix (3, 4) from YUV to RGB of 0 to 255, from the shares of red and blue in luma (H.273, 8.3)."""
    green, step = 1 - red - blue, 2 ** (bits - 8)
    whole = 255 / (2**bits - 1)
    luma, chroma = (whole, whole) if full else (255 / 219 / step, 255 / 224 / step)
    rows = [
        [luma, 0, 2 * (1 - red) * chroma],
        [luma, -2 * (1 - blue) * blue / green * chroma, -2 * (1 - red) * red / green * chroma],
        [luma, 2 * (1 - blue) * chroma, 0],
    ]
    matrix = np.array(rows)
    zero = np.array([0 if full else 16, 128, 128]) * step
    return np.column_stack([matrix, -matrix @ zero])


def _as_tuples(matrix: NDArray[np.float64]) -> Matrix:
    return tuple(tuple(float(value) for value in row) for row in matrix)


def _enlarge(plane: Plane, height: int, width: int, between: bool) -> Plane:
    """Bring chroma to the size of luma; where that is odd, the last sample counts for one pixel only."""
    if plane.shape == (height, width):
        return plane
    down, across = -(-height // plane.shape[0]), -(-width // plane.shape[1])
    if across > 1:
        plane = _interpolate(plane, across, between)[:, :width]
    grown = cv2.resize(plane, None, fx=1, fy=down, interpolation=cv2.INTER_NEAREST) if down > 1 else plane
    return np.asarray(grown[:height])


def _interpolate(plane: Plane, across: int, between: bool) -> Plane:
    """Put columns between columns; the last one stands for what would come after it."""
    if between:
        return np.asarray(cv2.resize(plane, None, fx=across, fy=1, interpolation=cv2.INTER_LINEAR))
    after = np.concatenate([plane[:, 1:], plane[:, -1:]], 1)
    columns = np.empty((plane.shape[0], plane.shape[1] * across), plane.dtype)
    columns[:, ::across] = plane
    for step in range(1, across):
        columns[:, step::across] = cv2.addWeighted(plane, 1 - step / across, after, step / across, 0)
    return columns


def _halve(plane: Any) -> Any:
    """Average two rows, and take every other column after a low pass; what is odd has its last one twice."""
    plane = cv2.copyMakeBorder(plane, 0, plane.shape[0] % 2, 0, plane.shape[1] % 2, cv2.BORDER_REPLICATE)
    height, width = plane.shape
    rows = cv2.resize(plane, (width, height // 2), interpolation=cv2.INTER_AREA)
    return cv2.filter2D(rows, -1, LOW_PASS, borderType=cv2.BORDER_REFLECT_101)[:, ::2]
