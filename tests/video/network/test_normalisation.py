"""The affine form computes what InstanceNorm2d does, and leaves channels where they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from tests.video.styles import make_frames, make_network
from triptych.video.network.normalisation import AffineNorm, replace_norms
from triptych.video.network.pixels import PixelNetwork
from triptych.video.network.transformer import StyleNorm
from triptych.video.runtimes.cuda import prepare

LAST = torch.channels_last


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        yield


def make_norm(channels: int = 8, styles: int = 1) -> StyleNorm:
    norm = StyleNorm(channels, styles)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


@pytest.mark.parametrize("scale", [1.0, 1e-4, 300.0])
def test_it_is_instance_normalisation(scale: float) -> None:
    norm, x = make_norm(), scale * torch.randn(2, 8, 17, 23) + 40 * torch.randn(8, 1, 1)
    assert torch.allclose(AffineNorm(norm)(x), norm(x), atol=2e-4 if scale > 1e-3 else 0.05)


def test_it_is_so_in_half_precision_where_sums_would_overflow() -> None:
    norm, x = make_norm(), 900 * torch.randn(1, 8, 64, 64)
    found = AffineNorm(norm)(x.half())
    assert found.dtype == torch.float16
    assert torch.allclose(found.float(), norm(x), atol=0.02)


def test_several_styles_are_mixed_alike() -> None:
    norm, x = make_norm(styles=3), torch.randn(2, 8, 16, 24)
    shares = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    assert torch.allclose(AffineNorm(norm)(x, shares), norm(x, shares), atol=1e-5)


def test_channels_stay_last() -> None:
    norm, x = make_norm(), torch.randn(2, 8, 16, 24).contiguous(memory_format=LAST)
    assert AffineNorm(norm)(x).is_contiguous(memory_format=LAST)
    assert not norm(x).is_contiguous(memory_format=LAST)  # which is why there is another


@pytest.mark.parametrize("fast", [True, False])
def test_within_a_network_every_convolution_is_given_channels_last(fast: bool) -> None:
    pixels = PixelNetwork([make_network(1)], 1.0, fast)
    prepared, seen = prepare(pixels), []

    def watch(x: torch.Tensor) -> torch.Tensor:
        seen.append(x.is_contiguous(memory_format=LAST))
        return x

    for module in prepared.modules():
        if isinstance(module, AffineNorm):
            module.register_forward_hook(lambda _, given, out: watch(out) if watch(given[0]) is not None else out)
    frames = torch.from_numpy(make_frames(2, 32, 48))
    painted = prepared(frames)
    assert len(seen) == 2 * sum(type(module) is StyleNorm for module in pixels.modules())
    assert all(seen)
    assert (painted.int() - pixels(frames).int()).abs().max() <= 1


def test_what_it_replaces_stays_as_it_is() -> None:
    network = make_network(1)
    before = sum(type(module) is StyleNorm for module in network.modules())
    prepare(network)
    assert sum(type(module) is StyleNorm for module in network.modules()) == before > 0
    replaced = replace_norms(network)
    assert replaced is network
    assert not any(type(module) is StyleNorm for module in network.modules())


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("deviation", [0.0, 0.01, 0.5, 5.0])
def test_a_picture_that_is_all_but_black_or_white_stays_one(half: torch.dtype, deviation: float) -> None:
    """What is scaled up to 300 times must not be far from 0 before."""
    x = (300 + deviation * torch.randn(2, 8, 17, 23)).to(half)
    norm = StyleNorm(8)
    assert torch.allclose(AffineNorm(norm)(x).float(), norm(x.float()), atol=0.1)
