"""Networks between frames of bytes: styles weighed against each other and against the frame itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from triptych.video.network.rearranged import CELL, FastNetwork
from triptych.video.network.transformer import TransformerNet


class PixelNetwork(nn.Module):
    """Bytes in, styled bytes out.

    Several styles are blended by their pictures, not by their weights: networks trained apart have nothing in common
    between them.

    Args:
        networks: The styles.
        weights: Weight of each; they count relative to their sum.
        strength: 0 to 1; what is below mixes in the frame as it was.
        fast: Whether to rearrange the networks for speed.
    """

    def __init__(
        self, networks: Sequence[TransformerNet], weights: Sequence[float], strength: float, fast: bool = True
    ) -> None:
        super().__init__()
        self.cell = CELL if fast else 1
        self.networks = nn.ModuleList([FastNetwork(network) if fast else network for network in networks])
        total = sum(weights)
        if len(weights) != len(networks) or not total > 0 or min(weights) < 0:
            raise ValueError(f"each style needs a weight, none below 0 and not all 0, got {list(weights)}")
        self.shares = [strength * weight / total for weight in weights]
        self.strength = strength

    @property
    def statistics_sizes(self) -> list[int]:
        """Numbers that make up the statistics for each network."""
        return [network.statistics_size for network in self.networks if isinstance(network, FastNetwork)]

    def forward(self, frames: Tensor, *statistics: Tensor) -> Tensor:
        """Stylize.

        Args:
            frames: uint8, (N, H, W, 3); H and W are multiples of 4 from 16 on.
            statistics: For each network its own, where they are not to be taken from `frames` (fast networks only).

        Returns:
            uint8, (N, H, W, 3).
        """
        x = frames.permute(0, 3, 1, 2).float()
        mixed = None
        for number, (network, share) in enumerate(zip(self.networks, self.shares, strict=True)):
            styled = network(x, statistics[number]) if statistics else network(x)
            part = styled.float().clamp(0, 255) * share
            mixed = part if mixed is None else mixed + part
        assert mixed is not None  # noqa: S101 - there is one style at least
        if self.strength < 1:
            mixed = mixed + _to_cells(frames, self.cell).float() * (1 - self.strength)
        return _from_cells(mixed.round().clamp(0, 255).to(torch.uint8), self.cell)


class StatisticsNetwork(nn.Module):
    """Bytes in, the statistics that the normalisations of each style take from them out.

    Args:
        pixels: The network that is to use them; a fast one.
    """

    def __init__(self, pixels: PixelNetwork) -> None:
        super().__init__()
        self.networks = pixels.networks

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Give float32 (N, statistics_size) for each style, of uint8 (N, H, W, 3)."""
        x = frames.permute(0, 3, 1, 2).float()
        return tuple(network.statistics(x) for network in self.networks)  # type: ignore[operator]


def _to_cells(frames: Tensor, cell: int) -> Tensor:
    n, height, width, _ = frames.shape
    split = frames.reshape(n, height // cell, cell, width // cell, cell, 3)
    return split.permute(0, 2, 4, 5, 1, 3).reshape(n, cell * cell * 3, height // cell, width // cell)


def _from_cells(cells: Tensor, cell: int) -> Tensor:
    n, _, height, width = cells.shape
    split = cells.reshape(n, cell, cell, 3, height, width).permute(0, 4, 1, 5, 2, 3)
    return split.reshape(n, height * cell, width * cell, 3)
