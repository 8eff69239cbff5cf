"""Networks between frames of RGB: styles weighed against each other and against the frame itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from triptych.video.network.rearranged import CELL, FastNetwork
from triptych.video.network.transformer import TransformerNet

__all__ = ["PixelNetwork", "StatisticsNetwork", "to_cells"]

_LEAST = 1e-6


class PixelNetwork(nn.Module):
    """RGB in, styled RGB out.

    Styles of one network are blended in its normalisation, at the price of one. Those of several are blended by their
    pictures, not by their weights: networks trained apart have nothing in common between them.

    Args:
        networks: Each of one style or of several.
        strength: 0 to 1; what is below mixes in the frame as it was.
        fast: Whether to rearrange the networks for speed.
    """

    def __init__(self, networks: Sequence[TransformerNet], strength: float = 1.0, fast: bool = True) -> None:
        super().__init__()
        self.networks = nn.ModuleList([FastNetwork(network) if fast else network for network in networks])
        self.counts = [network.styles for network in networks]
        self.strength = strength

    @property
    def takes_shares(self) -> bool:
        """Tell whether there is anything to be blended."""
        return sum(self.counts) > 1

    @property
    def statistics_sizes(self) -> list[int]:
        """Numbers that make up the statistics for each network."""
        return [network.statistics_size for network in self.networks if isinstance(network, FastNetwork)]

    def forward(self, frames: Tensor, *given: Tensor) -> Tensor:
        """Stylize.

        Args:
            frames: (N, H, W, 3), uint8, or float32 of 0 to 255 of which nothing is to be rounded; H and W are
                multiples of 4 from 16 on.
            given: First, where there is more than one style, the shares of all styles of all networks, float32
                (N, styles), which add up to 1. Then for each network its statistics, where they are not to be taken
                from `frames` (fast networks only).

        Returns:
            Of the same type and shape.
        """
        mixed = self.paint(frames.permute(0, 3, 1, 2).float(), *given).clamp(0, 255)
        return _from_cells(mixed if frames.dtype == torch.float32 else mixed.round().to(torch.uint8))

    def paint(self, rgb: Tensor, *given: Tensor) -> Tensor:
        """Stylize without rounding.

        Args:
            rgb: float32 (N, 3, H, W); what is beyond 0 to 255 the networks do not see.
            given: As of `forward`.

        Returns:
            float32 (N, 12, H / 2, W / 2): the 2x2 pixels of each cell, row by row, RGB each.
        """
        shares, statistics = (given[0], given[1:]) if self.takes_shares else (None, given)
        x, mixed = rgb.clamp(0, 255), None
        for number, (network, (own, share)) in enumerate(zip(self.networks, self.divide(shares), strict=True)):
            styled = network(x, own, statistics[number]) if statistics else network(x, own)
            cells = styled if isinstance(network, FastNetwork) else to_cells(styled)
            part = cells.float().clamp(0, 255)
            part = part if share is None else part * share[:, None, None, None]
            mixed = part if mixed is None else mixed + part
        assert mixed is not None  # noqa: S101 - there is one style at least
        if self.strength < 1:
            return mixed * self.strength + to_cells(rgb) * (1 - self.strength)
        return mixed

    def divide(self, shares: Tensor | None) -> list[tuple[Tensor | None, Tensor | None]]:
        """Divide shares into those within each network (N, its styles), and that of its picture (N,).

        Either is None where there is only one.
        """
        if shares is None:
            return [(None, None)]
        if len(self.counts) == 1:
            return [(shares, None)]
        parts: list[tuple[Tensor | None, Tensor | None]] = []
        for own, count in zip(torch.split(shares, self.counts, 1), self.counts, strict=True):
            share = own.sum(1)
            # Of a network without a share any picture will do, as long as it is one.
            parts.append((own / share.clamp_min(_LEAST)[:, None] if count > 1 else None, share))
        return parts


class StatisticsNetwork(nn.Module):
    """RGB in, the statistics that the normalisations of each style take from it out.

    Args:
        pixels: The network that is to use them; a fast one.
    """

    def __init__(self, pixels: PixelNetwork) -> None:
        super().__init__()
        self.pixels = pixels

    def forward(self, frames: Tensor, shares: Tensor | None = None) -> tuple[Tensor, ...]:
        """Give float32 (N, statistics_size) for each network, of frames and shares as of `PixelNetwork`."""
        x = frames.permute(0, 3, 1, 2).float().clamp(0, 255)
        divided = zip(self.pixels.networks, self.pixels.divide(shares), strict=True)
        return tuple(network.statistics(x, own) for network, (own, _) in divided)  # type: ignore[operator]


def to_cells(rgb: Tensor) -> Tensor:
    """Rearrange RGB (N, 3, H, W), H and W even, to (N, 12, H / 2, W / 2)."""
    n, _, height, width = rgb.shape
    split = rgb.reshape(n, 3, height // CELL, CELL, width // CELL, CELL)
    return split.permute(0, 3, 5, 1, 2, 4).reshape(n, CELL * CELL * 3, height // CELL, width // CELL)


def _from_cells(cells: Tensor) -> Tensor:
    n, _, height, width = cells.shape
    split = cells.reshape(n, CELL, CELL, 3, height, width).permute(0, 4, 1, 5, 2, 3)
    return split.reshape(n, height * CELL, width * CELL, 3)
