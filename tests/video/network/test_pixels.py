import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.video.styles import make_frames, make_network, pick_style
from triptych.video.network.pixels import PixelNetwork
from triptych.video.network.transformer import TransformerNet

FRAMES = make_frames(2, 32, 48)


def _plain(network: TransformerNet) -> NDArray[np.float32]:
    styled = network(torch.from_numpy(FRAMES).permute(0, 3, 1, 2).float())
    return np.asarray(styled.clamp(0, 255).permute(0, 2, 3, 1))


def _run(
    networks: list[TransformerNet], strength: float, fast: bool = True, shares: list[float] | None = None
) -> NDArray[np.uint8]:
    given = [torch.tensor([shares] * len(FRAMES))] if shares else []
    with torch.inference_mode():
        return np.asarray(PixelNetwork(networks, strength, fast)(torch.from_numpy(FRAMES), *given))


@pytest.mark.parametrize("fast", [False, True])
def test_networks_are_blended_by_their_pictures(fast: bool) -> None:
    one, other = make_network(1), make_network(2)
    expected = 0.25 * _plain(one) + 0.75 * _plain(other)
    assert np.abs(_run([one, other], 1.0, fast, [0.25, 0.75]) - expected).max() < 0.53


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("shares", [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.2, 0.5, 0.3]])
def test_styles_of_one_network_are_blended_in_its_normalisation(fast: bool, shares: list[float]) -> None:
    network = make_network(1, blocks=2, styles=3)
    expected = _plain(pick_style(network, shares))
    assert np.abs(_run([network], 1.0, fast, shares) - expected).max() < 0.53
    assert np.abs(_run([network], 1.0, fast, [0.0, 1.0, 0.0]) - expected).max() > 5


@pytest.mark.parametrize("fast", [False, True])
def test_both_at_once(fast: bool) -> None:
    several, one = make_network(1, styles=2), make_network(2)
    expected = 0.4 * _plain(pick_style(several, [0.25, 0.75])) + 0.6 * _plain(one)
    assert np.abs(_run([several, one], 1.0, fast, [0.1, 0.3, 0.6]) - expected).max() < 0.53
    without = _run([several, one], 1.0, fast, [0.0, 0.0, 1.0])
    assert np.abs(without - _plain(one)).max() < 0.53


def test_every_frame_has_its_own_shares() -> None:
    pixels = PixelNetwork([make_network(1, styles=2)])
    frames = torch.from_numpy(FRAMES[:1]).repeat(3, 1, 1, 1)
    shares = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    with torch.inference_mode():
        together = pixels(frames, shares).int()
        for number in range(3):
            assert (together[number] - pixels(frames[:1], shares[number : number + 1])[0]).abs().max() <= 1


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("strength", [0.0, 0.4])
def test_strength_mixes_in_the_frame_as_it_was(fast: bool, strength: float) -> None:
    network = make_network(1)
    expected = strength * _plain(network) + (1 - strength) * FRAMES
    found = _run([network], strength, fast=fast)
    assert np.abs(found - expected).max() < 0.53
    assert strength or (found == FRAMES).all()


def test_values_out_of_range_are_clamped_instead_of_wrapping_around() -> None:
    network = make_network(1)
    network.deconv3.conv2d.weight *= 40
    found = _run([network], 1.0).astype(np.float32)
    assert np.abs(found - _plain(network)).max() < 2
    assert ((found == 0).any(), (found == 255).any()) == (True, True)
