"""Frames as planes: Y, U and V as a file has them, 1.5 samples a pixel mostly, half of what RGB takes.

Planes are what decoders give and encoders take. The network's graph turns them into RGB and back (`network.planes`),
so nothing else of a frame is ever made, moved or kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST_BITS", "Layout", "Plane", "Planes", "choose_layout", "extract_planes"]

Plane = NDArray[Any]
"""uint8 of 8 bits a sample, int16 of more (torch computes with few unsigned types), shape (height, width)."""
Planes = tuple[Plane, Plane, Plane]
"""Y, U, V of a YUV frame; G, B, R of an RGB one; three times the same of a grey one."""
MOST_BITS = 12
_CHROMA = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440", (4, 1): "411", (4, 4): "410"}
_SAME_PLANES = {"yuvj": "yuv", "yuva": "yuv", "gbrap": "gbrp"}
_DEEP_CHROMA = ("444", "422", "420")  # of these FFmpeg has formats of 10 and 12 bits alike


@dataclass(frozen=True)
class Layout:
    """How the planes of a frame lie.

    Attributes:
        height: Rows of the frame.
        width: Its columns.
        across: Columns that share a sample of chroma.
        down: Rows that share one.
        bits: Of a sample, 8 to 12.
        between: Whether chroma lies between the columns that share it, and not on the left one.
        kind: `yuv`, `gbr` (planes G, B, R) or `gray` (the same plane three times).
    """

    height: int
    width: int
    across: int = 1
    down: int = 1
    bits: int = 8
    between: bool = False
    kind: str = "yuv"

    @property
    def dtype(self) -> type[np.uint8] | type[np.int16]:
        """Type of a sample."""
        return np.uint8 if self.bits == 8 else np.int16

    @property
    def chroma(self) -> tuple[int, int]:
        """Height and width of the second and third plane."""
        return -(-self.height // self.down), -(-self.width // self.across)

    @property
    def shapes(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Height and width of each plane."""
        return (self.height, self.width), self.chroma, self.chroma

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name of it, as encoders and decoders have it."""
        depth = "" if self.bits == 8 else f"{self.bits}le"
        if self.kind == "gbr":
            return f"gbrp{depth}"
        return f"gray{depth}" if self.kind == "gray" else f"yuv{_CHROMA[self.across, self.down]}p{depth}"

    @property
    def bytes(self) -> int:
        """Bytes of a frame."""
        return sum(height * width for height, width in self.shapes) * np.dtype(self.dtype).itemsize

    def check(self, planes: Planes) -> None:
        """Refuse planes of another shape or type.

        Raises:
            ValueError: They are of another.
        """
        found = [(plane.dtype.name, plane.shape) for plane in planes]
        if found == [(np.dtype(self.dtype).name, shape) for shape in self.shapes]:
            return
        raise ValueError(f"expected planes of {self.pixel_format}, {self.width}x{self.height}, got {found}")


def choose_layout(frame_format: Any, height: int, width: int, *, between: bool) -> Layout:
    """Choose the planes to take from frames of a pixel format: as they are, or the nearest that can be taken.

    What is semi-planar, packed or transparent becomes plain planes; more than 12 bits become 12; rare
    subsampling of more than 8 bits becomes 4:4:4.

    Args:
        frame_format: `av.VideoFormat` of the source.
        height: Rows of its frames.
        width: Columns.
        between: Whether chroma lies between columns.
    """
    deepest = max(component.bits for component in frame_format.components)
    bits = 8 if deepest <= 8 else 10 if deepest <= 10 else MOST_BITS
    if frame_format.name.startswith(("gray", "ya", "mono")):
        return Layout(height, width, bits=bits, kind="gray")
    if frame_format.is_rgb or frame_format.has_palette:
        return Layout(height, width, bits=bits, kind="gbr")
    across, down = _measure_subsampling(frame_format)
    if bits > 8 and _CHROMA[across, down] not in _DEEP_CHROMA:
        across = down = 1
    return Layout(height, width, across, down, bits, between and across > 1)


def _measure_subsampling(frame_format: Any) -> tuple[int, int]:
    found = round(64 / frame_format.chroma_width(64)), round(64 / frame_format.chroma_height(64))
    return found if found in _CHROMA else (1, 1)


def extract_planes(frame: av.VideoFrame, layout: Layout) -> Planes:
    """Copy the planes of a decoded frame, matrix and range untouched.

    Args:
        frame: A frame of any pixel format, of the layout's size.
        layout: What is to be given, as `choose_layout` chose it.
    """
    if not _is_same(frame.format.name, layout.pixel_format):
        range_ = frame.color_range or (1 if layout.kind == "yuv" else 2)
        frame = frame.reformat(format=layout.pixel_format, src_color_range=range_, dst_color_range=range_)
    if layout.kind == "gray":
        luma = _copy_plane(frame.planes[0], layout)
        return luma, luma, luma
    first, second, third = (_copy_plane(plane, layout) for plane in frame.planes[:3])
    return first, second, third


def _is_same(found: str, wanted: str) -> bool:
    """Tell whether the first three planes of a format are those of another.

    Those of `gbrap` are, but asked for them, swscale copies only half of each row where samples have two bytes.
    """
    for own, plain in _SAME_PLANES.items():
        found = found.replace(own, plain)
    return found == wanted


def _copy_plane(plane: av.video.plane.VideoPlane, layout: Layout) -> Plane:
    """Copy the samples of a plane without its padding."""
    data: Any = plane
    rows = np.frombuffer(data, dtype=layout.dtype).reshape(-1, plane.line_size // np.dtype(layout.dtype).itemsize)
    return rows[: plane.height, : plane.width].copy()
