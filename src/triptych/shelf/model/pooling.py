"""RoIAlign that uses every core.

torchvision's runs on one, and takes a seventh of the training of a slim detector, and as much of its predictions.
Regions do not meet in it, nor channels in its gradient, so each thread takes some of them, and the result is the same
to the last bit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.poolers import _convert_to_roi_format, _filter_input, _setup_scales

# A thread's share: starting one takes longer than a few.
_LEAST_CHANNELS = 16
_LEAST_REGIONS = 16


class ThreadedRoIAlign(MultiScaleRoIAlign):  # type: ignore[misc]
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
        if levels[0].device.type != "cpu":
            pooled: Tensor = super().forward(x, boxes, image_shapes)
            return pooled
        scales, mapper = _setup_scales(levels, image_shapes, self.canonical_scale, self.canonical_level)
        places = _convert_to_roi_format(boxes)
        at_level = mapper(boxes)
        result: Tensor = levels[0].new_zeros(len(places), levels[0].shape[1], *self.output_size)
        for number, (level, scale) in enumerate(zip(levels, scales, strict=True)):
            here = torch.where(at_level == number)[0]
            if len(here):
                pooled = _Pool.apply(level, places[here], scale, self.output_size, self.sampling_ratio)
                result[here] = pooled.to(result.dtype)
        return result


class _Pool(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, places: Tensor, scale: float, size: tuple[int, int], sampling: int
    ) -> Tensor:
        ctx.save_for_backward(places)
        ctx.shape, ctx.dtype, ctx.settings = features.shape, features.dtype, (scale, *size)
        ctx.sampling = sampling
        ctx.channels_last = features.is_contiguous(memory_format=torch.channels_last)
        whole = features.to(torch.float32, memory_format=torch.contiguous_format)

        def align(part: Tensor) -> Tensor:
            with torch.no_grad():  # a thread has a mode of its own
                pooled: Tensor = torch.ops.torchvision.roi_align(whole, part, scale, *size, sampling, False)
            return pooled

        threads = max(1, min(torch.get_num_threads(), len(places) // _LEAST_REGIONS))
        parts = _run_all([partial(align, part) for part in places.chunk(threads)])
        return (parts[0] if len(parts) == 1 else torch.cat(parts)).to(features.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        (places,) = ctx.saved_tensors
        count, channels, height, width = ctx.shape

        def spread(part: Tensor) -> Tensor:
            shape = (count, part.shape[1], height, width)
            spread_out: Tensor = torch.ops.torchvision._roi_align_backward(
                part.contiguous(), places, *ctx.settings, *shape, ctx.sampling, False
            )
            return spread_out

        threads = max(1, min(torch.get_num_threads(), channels // _LEAST_CHANNELS))
        parts = _run_all([partial(spread, part) for part in gradient.float().chunk(threads, dim=1)])
        layout = torch.channels_last if ctx.channels_last else torch.contiguous_format
        whole = torch.empty(ctx.shape, dtype=ctx.dtype, memory_format=layout)
        start = 0
        for part in parts:
            whole[:, start : start + part.shape[1]] = part
            start += part.shape[1]
        return whole, None, None, None, None


def _run_all(tasks: list[Callable[[], Tensor]]) -> list[Tensor]:
    """Run the first here and the others in threads; torch leaves Python's lock meanwhile."""
    others = [_threads(os.getpid()).submit(task) for task in tasks[1:]]
    return [tasks[0](), *(other.result() for other in others)]


@cache
def _threads(process: int) -> ThreadPoolExecutor:  # noqa: ARG001 - a forked process has none of its parent's threads
    return ThreadPoolExecutor(thread_name_prefix="roi-align")
