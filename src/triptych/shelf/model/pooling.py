"""RoIAlign on a processor as a weighted sum of rows.

RoIAlign (He and others: Mask R-CNN, 2017, 3) takes the mean of some points of each bin, and each point from the four
pixels around it. So a bin is a weighted sum of pixels, and all bins are one sparse matrix times the features, in which
the channels of a pixel lie together. torchvision's kernel goes from channel to channel and from pixel to pixel, on one
core: for the detector of the defaults it takes four times as long forwards and ten times as long backwards.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.poolers import _convert_to_roi_format, _filter_input, _setup_scales


class SparseRoIAlign(MultiScaleRoIAlign):  # type: ignore[misc]
    """torchvision's pooling over the levels of a feature pyramid; on a GPU it is just that."""

    def forward(self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]) -> Tensor:
        """Pool features.

        Args:
            x: The levels, N x C x H x W each.
            boxes: For each photo, left, top, right, bottom in pixels.
            image_shapes: Height and width of each photo.

        Returns:
            R x C x P x P, in the type of the features.
        """
        levels = _filter_input(x, self.featmap_names)
        if levels[0].device.type != "cpu" or self.sampling_ratio <= 0:
            pooled: Tensor = super().forward(x, boxes, image_shapes)
            return pooled
        scales, mapper = _setup_scales(levels, image_shapes, self.canonical_scale, self.canonical_level)
        places = _convert_to_roi_format(boxes)
        at_level = mapper(boxes)
        result: Tensor = levels[0].new_zeros(len(places), *self.output_size, levels[0].shape[1])
        for number, (level, scale) in enumerate(zip(levels, scales, strict=True)):
            here = torch.where(at_level == number)[0]
            if len(here):
                bins = weigh_pixels(places[here], scale, self.output_size, self.sampling_ratio, level.shape)
                pooled = _Sum.apply(level, bins).unflatten(0, (len(here), *self.output_size))
                result[here] = pooled.to(result.dtype)
        return result.permute(0, 3, 1, 2)


class Bins(NamedTuple):
    """Bins as weighted sums of pixels.

    Attributes:
        pixels: Number of each pixel, counted over photos, rows and columns, int32, shape (bins, pixels a bin).
        weights: Of each, float32, same shape; 0 beyond the edge.
    """

    pixels: Tensor
    weights: Tensor


@torch.no_grad()
def weigh_pixels(places: Tensor, scale: float, size: tuple[int, int], points: int, shape: torch.Size) -> Bins:
    """Find which pixels each bin of each region is made of, and how much of each.

    Args:
        places: R x 5: number of the photo, left, top, right, bottom in its pixels.
        scale: Pixels of the features a pixel of the photo.
        size: Bins of a region, down and across.
        points: Of a bin, each way.
        shape: Of the features: N x C x H x W.

    Returns:
        R x down x across bins, in this order.
    """
    _, _, height, width = shape
    left, top, right, bottom = (places[:, 1:].float() * scale).unbind(1)
    rows, down = _weigh_axis(top, bottom, size[0], points, height)
    columns, across = _weigh_axis(left, right, size[1], points, width)
    first = (places[:, 0].int() * (height * width))[:, None, None, None, None]
    pixels = first + rows[:, :, None, :, None] * width + columns[:, None, :, None, :]
    weights = down[:, :, None, :, None] * across[:, None, :, None, :]
    return Bins(pixels.flatten(3).flatten(0, 2), weights.flatten(3).flatten(0, 2))


def _weigh_axis(start: Tensor, end: Tensor, bins: int, points: int, length: int) -> tuple[Tensor, Tensor]:
    """Give the two pixels about each point of each bin along an axis, and their weights, R x bins x 2 points."""
    step = (end - start).clamp(min=1) / bins
    at = torch.arange(bins)[:, None] + (torch.arange(points) + 0.5) / points
    positions = start[:, None, None] + at * step[:, None, None]
    inside = (positions >= -1) & (positions <= length)
    positions = positions.clamp(0, length - 1)
    lower = positions.int()
    upper = (lower + 1).clamp(max=length - 1)
    share = positions - lower
    weights = torch.stack([1 - share, share], dim=-1) * inside[..., None] / points
    return torch.stack([lower, upper], dim=-1).flatten(2), weights.flatten(2)


class _Sum(torch.autograd.Function):
    """Add up the pixels of bins: features N x C x H x W to bins x C, in 32 bits."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, bins: Bins) -> Tensor:
        ctx.bins, ctx.shape, ctx.dtype = bins, features.shape, features.dtype
        rows = features.permute(0, 2, 3, 1).float().flatten(0, 2)
        return functional.embedding_bag(bins.pixels, rows, per_sample_weights=bins.weights, mode="sum")

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Add up for each pixel the bins that it is part of: the matrix turned round."""
        bins, (count, channels, height, width) = ctx.bins, ctx.shape
        pixels, order = torch.sort(bins.pixels.flatten(), stable=True)
        starts = torch.searchsorted(pixels, torch.arange(count * height * width, dtype=pixels.dtype))
        rows = functional.embedding_bag(
            torch.div(order, bins.pixels.shape[1], rounding_mode="floor"),
            gradient.float().contiguous(),
            starts,
            per_sample_weights=bins.weights.flatten()[order],
            mode="sum",
        )
        return rows.view(count, height, width, channels).permute(0, 3, 1, 2).to(ctx.dtype), None
