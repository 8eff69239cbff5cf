import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.video.styles import make_frames, make_network
from triptych.video.network.pixels import PixelNetwork
from triptych.video.network.transformer import TransformerNet

FRAMES = make_frames(2, 32, 48)


def _plain(network: TransformerNet) -> NDArray[np.float32]:
    styled = network(torch.from_numpy(FRAMES).permute(0, 3, 1, 2).float())
    return np.asarray(styled.clamp(0, 255).permute(0, 2, 3, 1))


def _run(networks: list[TransformerNet], weights: list[float], strength: float, fast: bool = True) -> NDArray[np.uint8]:
    with torch.inference_mode():
        return np.asarray(PixelNetwork(networks, weights, strength, fast)(torch.from_numpy(FRAMES)))


@pytest.mark.parametrize("fast", [False, True])
def test_blends_pictures_by_their_relative_weights(fast: bool) -> None:
    one, other = make_network(1), make_network(2)
    expected = 0.25 * _plain(one) + 0.75 * _plain(other)
    assert np.abs(_run([one, other], [1.0, 3.0], 1.0, fast=fast) - expected).max() < 0.53


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("strength", [0.0, 0.4])
def test_strength_mixes_in_the_frame_as_it_was(fast: bool, strength: float) -> None:
    network = make_network(1)
    expected = strength * _plain(network) + (1 - strength) * FRAMES
    found = _run([network], [1.0], strength, fast=fast)
    assert np.abs(found - expected).max() < 0.53
    assert strength or (found == FRAMES).all()


def test_values_out_of_range_are_clamped_instead_of_wrapping_around() -> None:
    network = make_network(1)
    network.deconv3.conv2d.weight *= 40
    found = _run([network], [1.0], 1.0).astype(np.float32)
    assert np.abs(found - _plain(network)).max() < 2
    assert ((found == 0).any(), (found == 255).any()) == (True, True)


@pytest.mark.parametrize("weights", [[], [0.0], [-1.0], [1.0, 1.0]])
def test_refuses_weights_that_mean_nothing(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="each style needs a weight"):
        PixelNetwork([make_network(1)], weights, 1.0)
