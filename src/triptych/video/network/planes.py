"""Planes to RGB and back within a network's graph, so that a device takes and gives 1.5 bytes a pixel.

As `media.conversion` has it: rows of chroma are repeated and averaged, columns interpolated and taken after the low
pass of the 5/3 wavelet. Nothing is rounded in between. Matrices are inputs, so that one engine serves all videos of a
size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from triptych.video.media.planes import Layout
from triptych.video.network.pixels import PixelNetwork
from triptych.video.network.rearranged import CELL

__all__ = ["PlaneNetwork", "PlanesToRgb", "RgbToPlanes"]


class PlaneNetwork(nn.Module):
    """Planes in, planes of the styled frame out.

    Args:
        pixels: The styles.
        source: How the planes of the frames lie.
        target: How those of the result are to lie; of the same size.
        padding: Pixels to add at the right and at the bottom, for the network to have multiples of 4 from 16 on.
    """

    def __init__(self, pixels: PixelNetwork, source: Layout, target: Layout, padding: tuple[int, int]) -> None:
        super().__init__()
        self.pixels, self.reader, self.writer = pixels, PlanesToRgb(source), RgbToPlanes(target)
        self.padding = (0, padding[0], 0, padding[1])

    def forward(
        self, y: Tensor, u: Tensor, v: Tensor, to_rgb: Tensor, to_yuv: Tensor, *shares: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Stylize.

        Args:
            y: (N, H, W), as the source's layout has it.
            u: The next plane.
            v: The last.
            to_rgb: float32 (N, 3, 4), from (y, u, v, 1) to RGB.
            to_yuv: float32 (N, 3, 4), from (r, g, b, 1) to YUV.
            shares: Where there is more than one style, float32 (N, styles); see `PixelNetwork.forward`.

        Returns:
            Y, U and V as the target's layout has them.
        """
        rgb = self.reader(y, u, v, to_rgb)
        if any(self.padding):
            rgb = functional.pad(rgb, self.padding, mode="replicate")
        return self.writer(self.pixels.paint(rgb, *shares), to_yuv)  # type: ignore[no-any-return]


class PlanesToRgb(nn.Module):
    """Makes RGB of planes.

    Args:
        layout: How they lie.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.across, self.down = layout.across, layout.down
        middle = 0.5 - 0.5 / layout.across if layout.between else 0.0
        self.places = [step / layout.across - middle for step in range(layout.across)]

    def forward(self, y: Tensor, u: Tensor, v: Tensor, matrix: Tensor) -> Tensor:
        """Convert.

        Args:
            y: (N, H, W), uint8 or int16.
            u: (N, H / down, W / across), rounded up.
            v: The same.
            matrix: float32 (N, 3, 4), from (y, u, v, 1) to RGB.

        Returns:
            RGB, float32 (N, 3, H, W), 0 to 255 where the frame has no colours beyond.
        """
        full = y.float(), self._enlarge(u.float(), y), self._enlarge(v.float(), y)
        return torch.stack([_weigh(full, matrix[:, row]) for row in range(3)], 1)

    def _enlarge(self, chroma: Tensor, luma: Tensor) -> Tensor:
        """Bring chroma to the size of luma."""
        if self.across > 1:
            before = torch.cat([chroma[:, :, :1], chroma[:, :, :-1]], 2)
            after = torch.cat([chroma[:, :, 1:], chroma[:, :, -1:]], 2)
            columns = [_mix(chroma, after if place > 0 else before, abs(place)) for place in self.places]
            chroma = torch.stack(columns, 3).flatten(2)[:, :, : luma.shape[2]]
        if self.down > 1:
            chroma = torch.stack([chroma] * self.down, 2).flatten(1, 2)[:, : luma.shape[1]]
        return chroma


class RgbToPlanes(nn.Module):
    """Makes planes of RGB.

    Args:
        layout: How they are to lie: 4:4:4, or 4:2:0 with chroma on the left column.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.subsample, self.most = layout.across > 1, 2**layout.bits - 1
        self.height, self.width = layout.height, layout.width
        self.dtype = torch.uint8 if layout.bits == 8 else torch.int16

    def forward(self, cells: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Convert.

        Args:
            cells: (N, 12, H / 2, W / 2), the 2x2 pixels of each cell, row by row, RGB each; what lies beyond the
                layout's rows and columns is cut off.
            matrix: float32 (N, 3, 4), from (r, g, b, 1) to YUV.

        Returns:
            Y, U and V, (N, rows, columns) each, uint8 or int16.
        """
        red, green, blue = (cells[:, colour::3] for colour in range(3))
        luma = self._store(_weigh((red, green, blue), matrix[:, 0]))
        y = _spread(luma)[:, : self.height, : self.width]
        u, v = (self._make_chroma((red, green, blue), matrix[:, row]) for row in (1, 2))
        return y, u, v

    def _make_chroma(self, colours: tuple[Tensor, ...], weights: Tensor) -> Tensor:
        if not self.subsample:
            return _spread(self._store(_weigh(colours, weights)))[:, : self.height, : self.width]
        # Of a cell, columns first: [row 0 left, row 0 right, row 1 left, row 1 right].
        rows, columns = -(-self.height // CELL), -(-self.width // CELL)
        averaged = [(colour[:, :CELL] + colour[:, CELL:])[:, :, :rows, :columns] * 0.5 for colour in colours]
        both = _weigh(averaged, weights)
        return self._store(_low_pass(both[:, 0], both[:, 1]))

    def _store(self, values: Tensor) -> Tensor:
        return values.round().clamp(0, self.most).to(self.dtype)


def _weigh(parts: tuple[Tensor, ...] | list[Tensor], weights: Tensor) -> Tensor:
    """Add up parts (N, ...) by the first three of weights (N, 4), and the last."""
    shape = (-1,) + (1,) * (parts[0].ndim - 1)
    a, b, c, d = (weights[:, number].reshape(shape) for number in range(4))
    return parts[0] * a + parts[1] * b + parts[2] * c + d


def _mix(one: Tensor, other: Tensor, share: float) -> Tensor:
    return one * (1 - share) + other * share if share else one


def _low_pass(left: Tensor, right: Tensor) -> Tensor:
    """Take the left columns after a low pass of (-1, 2, 6, 2, -1) / 8 over both; edges are reflected."""
    right_before = torch.cat([right[:, :, :1], right[:, :, :-1]], 2)
    # A single cell has nothing on either side but itself.
    second, last = (left[:, :, 1:2], left[:, :, -1:]) if left.shape[2] > 1 else (left, left)
    left_before = torch.cat([second, left[:, :, :-1]], 2)
    left_after = torch.cat([left[:, :, 1:], last], 2)
    return left * 0.75 + (right + right_before) * 0.25 - (left_before + left_after) * 0.125


def _spread(cells: Tensor) -> Tensor:
    """Spread the 2x2 values of cells (N, 4, H, W) out: (N, 2 H, 2 W)."""
    n, _, height, width = cells.shape
    return cells.reshape(n, CELL, CELL, height, width).permute(0, 3, 1, 4, 2).reshape(n, height * CELL, width * CELL)
