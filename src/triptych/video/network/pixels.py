"""Networks between frames of RGB: styles weighed against each other and against the frame itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from triptych.video.network.rearranged import CELL, FastNetwork
from triptych.video.network.transformer import TransformerNet

__all__ = ["PixelNetwork", "StatisticsNetwork", "to_cells"]


class PixelNetwork(nn.Module):
    """RGB in, styled RGB out.

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
            frames: (N, H, W, 3), uint8, or float32 of 0 to 255 of which nothing is to be rounded; H and W are
                multiples of 4 from 16 on.
            statistics: For each network its own, where they are not to be taken from `frames` (fast networks only).

        Returns:
            Of the same type and shape.
        """
        mixed = self.paint(frames.permute(0, 3, 1, 2).float(), *statistics).clamp(0, 255)
        return _from_cells(mixed if frames.dtype == torch.float32 else mixed.round().to(torch.uint8))

    def paint(self, rgb: Tensor, *statistics: Tensor) -> Tensor:
        """Stylize without rounding.

        Args:
            rgb: float32 (N, 3, H, W); what is beyond 0 to 255 the networks do not see.
            statistics: As of `forward`.

        Returns:
            float32 (N, 12, H / 2, W / 2): the 2x2 pixels of each cell, row by row, RGB each.
        """
        x, mixed = rgb.clamp(0, 255), None
        for number, (network, share) in enumerate(zip(self.networks, self.shares, strict=True)):
            styled = network(x, statistics[number]) if statistics else network(x)
            cells = styled if isinstance(network, FastNetwork) else to_cells(styled)
            part = cells.float().clamp(0, 255) * share
            mixed = part if mixed is None else mixed + part
        assert mixed is not None  # noqa: S101 - there is one style at least
        return mixed + to_cells(rgb) * (1 - self.strength) if self.strength < 1 else mixed


class StatisticsNetwork(nn.Module):
    """RGB in, the statistics that the normalisations of each style take from it out.

    Args:
        pixels: The network that is to use them; a fast one.
    """

    def __init__(self, pixels: PixelNetwork) -> None:
        super().__init__()
        self.networks = pixels.networks

    def forward(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Give float32 (N, statistics_size) for each style, of (N, H, W, 3) as of `PixelNetwork`."""
        x = frames.permute(0, 3, 1, 2).float().clamp(0, 255)
        return tuple(network.statistics(x) for network in self.networks)  # type: ignore[operator]


def to_cells(rgb: Tensor) -> Tensor:
    """Rearrange RGB (N, 3, H, W), H and W even, to (N, 12, H / 2, W / 2)."""
    n, _, height, width = rgb.shape
    split = rgb.reshape(n, 3, height // CELL, CELL, width // CELL, CELL)
    return split.permute(0, 3, 5, 1, 2, 4).reshape(n, CELL * CELL * 3, height // CELL, width // CELL)


def _from_cells(cells: Tensor) -> Tensor:
    n, _, height, width = cells.shape
    split = cells.reshape(n, CELL, CELL, 3, height, width).permute(0, 4, 1, 5, 2, 3)
    return split.reshape(n, height * CELL, width * CELL, 3)
