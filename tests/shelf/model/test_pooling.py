from __future__ import annotations

import pytest
import torch
from torchvision.ops import MultiScaleRoIAlign

from triptych.shelf.model.pooling import SparseRoIAlign

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
    """Boxes of all sizes, some partly or wholly beyond the photo, some with the sides the wrong way round."""
    corners = torch.rand(count, 2, generator=torch.Generator().manual_seed(count)) * 440 - 40
    sides = torch.linspace(-1, largest, count)[:, None].expand(-1, 2)
    return torch.cat([corners, corners + sides], dim=1)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_features_and_gradients_are_torchvisions(dtype: torch.dtype, threads: int) -> None:
    boxes = [draw_boxes(120, 350.0), draw_boxes(5, 30.0)]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        own, reference = pool(SparseRoIAlign, dtype, boxes), pool(MultiScaleRoIAlign, torch.float32, boxes)
    finally:
        torch.set_num_threads(before)
    rtol, atol = (1e-4, 1e-4) if dtype == torch.float32 else (0.02, 0.15)
    for one, other in zip(own, reference, strict=True):
        torch.testing.assert_close(one, other, rtol=rtol, atol=atol)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (3, 1)])
def test_features_of_a_pixel_or_a_line(size: tuple[int, int]) -> None:
    features = {"0": torch.arange(float(size[0] * size[1])).view(1, 1, *size)}
    boxes = [torch.tensor([[0.0, 0, 9, 9], [-30, -30, 90, 90], [7, 0, 7, 0]])]
    own, reference = (
        kind(["0"], (2, 3), 2)(features, boxes, [(8, 8)]) for kind in (SparseRoIAlign, MultiScaleRoIAlign)
    )
    torch.testing.assert_close(own, reference)


def test_no_boxes_give_nothing() -> None:
    pooled = SparseRoIAlign(LEVELS, 7, sampling_ratio=2)(
        {name: torch.zeros(1, 8, 64 // 2**level, 96 // 2**level) for level, name in enumerate(LEVELS)},
        [torch.zeros(0, 4)],
        [(256, 384)],
    )
    assert pooled.shape == (0, 8, 7, 7)
