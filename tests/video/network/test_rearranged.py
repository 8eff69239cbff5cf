import pytest
import torch

from tests.video.styles import make_frames, make_network
from triptych.video.network.rearranged import FastNetwork


def _picture(height: int = 32, width: int = 48) -> torch.Tensor:
    return torch.from_numpy(make_frames(2, height, width)).permute(0, 3, 1, 2).float()


def _join(cells: torch.Tensor) -> torch.Tensor:
    n, _, h, w = cells.shape
    return cells.reshape(n, 2, 2, 3, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, 3, 2 * h, 2 * w)


@pytest.mark.parametrize(("width", "blocks"), [(4, 1), (5, 3)])
@pytest.mark.parametrize("size", [(32, 48), (16, 20)])
def test_computes_the_same_as_the_network_it_was_made_of(width: int, blocks: int, size: tuple[int, int]) -> None:
    network = make_network(1, width, blocks)
    expected = network(_picture(*size))
    assert expected.std() > 5
    torch.testing.assert_close(_join(FastNetwork(network)(_picture(*size))), expected, rtol=1e-3, atol=0.02)


def test_leaves_the_network_as_it_was() -> None:
    network = make_network(1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    FastNetwork(network)(_picture())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_its_own_statistics_change_nothing() -> None:
    fast, picture = FastNetwork(make_network(2, blocks=2)), _picture()
    statistics = fast.statistics(picture)
    assert statistics.shape == (2, fast.statistics_size)
    torch.testing.assert_close(fast(picture, statistics=statistics), fast(picture), rtol=1e-3, atol=0.02)


def test_the_statistics_of_another_picture_show() -> None:
    fast, picture = FastNetwork(make_network(2)), _picture()
    assert (fast(picture, statistics=fast.statistics(picture * 0.3)) - fast(picture)).abs().max() > 5
