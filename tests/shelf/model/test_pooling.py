from __future__ import annotations

import pytest
import torch
from torchvision.ops import MultiScaleRoIAlign

from triptych.shelf.model.pooling import ThreadedRoIAlign

LEVELS = ["0", "1", "2"]


def pool(kind: type[MultiScaleRoIAlign], dtype: torch.dtype, boxes: list[torch.Tensor]) -> list[torch.Tensor]:
    """The pooled features, and the gradient of each level."""
    generator = torch.Generator().manual_seed(0)
    features = {
        name: torch.randn(2, 40, 64 // 2**level, 96 // 2**level, generator=generator)
        .to(dtype, memory_format=torch.channels_last)
        .requires_grad_()
        for level, name in enumerate(LEVELS)
    }
    pooled = kind(LEVELS, 7, sampling_ratio=2)(features, boxes, [(256, 384)] * 2)
    weights = torch.randn(pooled.shape, generator=generator)
    gradients = torch.autograd.grad((pooled.float() * weights).sum(), list(features.values()), allow_unused=True)
    filled = [torch.zeros(1) if gradient is None else gradient.float() for gradient in gradients]
    return [pooled.float(), *filled]


def draw_boxes(count: int, largest: float) -> torch.Tensor:
    corners = torch.rand(count, 2, generator=torch.Generator().manual_seed(count)) * 200
    sides = torch.linspace(2, largest, count)[:, None].expand(-1, 2)
    return torch.cat([corners, corners + sides], dim=1)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_features_and_gradients_are_torchvisions(dtype: torch.dtype, threads: int) -> None:
    boxes = [draw_boxes(120, 350.0), draw_boxes(5, 30.0)]  # so many that threads share those of a level
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        own, reference = pool(ThreadedRoIAlign, dtype, boxes), pool(MultiScaleRoIAlign, torch.float32, boxes)
    finally:
        torch.set_num_threads(before)
    if dtype == torch.float32:
        assert all(torch.equal(one, other) for one, other in zip(own, reference, strict=True))
    for one, other in zip(own, reference, strict=True):
        torch.testing.assert_close(one, other, rtol=0.02, atol=0.15)


def test_no_boxes_give_nothing() -> None:
    pooled = ThreadedRoIAlign(LEVELS, 7, sampling_ratio=2)(
        {name: torch.zeros(1, 8, 64 // 2**level, 96 // 2**level) for level, name in enumerate(LEVELS)},
        [torch.zeros(0, 4)],
        [(256, 384)],
    )
    assert pooled.shape == (0, 8, 7, 7)
