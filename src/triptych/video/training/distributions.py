"""How far the patches and the colours of pictures are from those of a style, however they are arranged.

Both by the sliced Wasserstein distance (Bonneel et al., "Sliced and Radon Wasserstein barycenters of measures",
2015): along random directions, sorted values are compared one by one. For patches that is Elnekave and Weiss,
"Generating natural images with direct patch distributions matching" (2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

_PATCH_PX = 7
_STRIDES = (3, 2, 1, 1)  # of the patches looked at, for each level of the pyramid, finest first
_COMPONENTS = 64
_WEAKEST = 0.003  # of the first component's variance: what varies less is not brought to the same strength
_PATCHES = 2000
_PATCH_DIRECTIONS = 48
_DENSITY = 0.08  # of the half of the directions that look at few components at a time
_PALETTE_SCALES = (1, 8)
_COLOUR_DIRECTIONS = 16
_COLOURS = 4096


@dataclass(frozen=True)
class _Level:
    mean: Tensor
    whitening: Tensor  # (147, components)
    style: Tensor  # (patches, components)


class PatchLoss:
    """How far the 7x7 patches of pictures are from those of a style, at four sizes.

    Args:
        style: (1, 3, H, W), 0 to 1; levels of fewer than 11 pixels either way are left out.
    """

    def __init__(self, style: Tensor) -> None:
        self._levels: list[_Level] = []
        for number in range(len(_STRIDES)):
            style = functional.avg_pool2d(style, 2) if number else style
            if min(style.shape[2:]) < _PATCH_PX + 4:
                break
            self._levels.append(_analyse(_list_patches(style, 1)))

    def __call__(self, painted: Tensor) -> Tensor:
        """Return the mean distance of pictures (N, 3, H, W), 0 where all patches are as frequent as in the style."""
        with torch.autocast(painted.device.type, enabled=False):
            x, losses = painted.float(), []
            for number, (level, stride) in enumerate(zip(self._levels, _STRIDES, strict=False)):
                x = functional.avg_pool2d(x, 2) if number else x
                patches = _draw(_list_patches(x, stride), _PATCHES)
                whitened = (patches - level.mean) @ level.whitening
                directions = _draw_directions(level.whitening.shape[1], painted.device)
                losses.append(sliced_distance(whitened, _draw(level.style, len(whitened)), directions))
            return torch.stack(losses).mean()

    @torch.no_grad()
    def relaxed_distance(self, picture: Tensor, count: int = 1500, seed: int = 0) -> float:
        """Return the relaxed earth mover's distance of a picture (1, 3, H, W), mean over the levels.

        How far it is from a patch of the one to the nearest of the other, on average, in the worse direction: 0 only if
        every patch of either is in the other, while along directions alone unlike patches may balance.

        Args:
            picture: 0 to 1.
            count: Patches drawn from both at each level.
            seed: Of the draw.
        """
        generator, distances = torch.Generator().manual_seed(seed), []
        for number, level in enumerate(self._levels):
            picture = functional.avg_pool2d(picture, 2) if number else picture
            patches = _list_patches(picture, 1)
            one, two = (
                points[torch.randperm(len(points), generator=generator)[:count]] for points in (patches, level.style)
            )
            apart = torch.cdist((one - level.mean) @ level.whitening, two)
            distances.append(torch.maximum(apart.amin(0).mean(), apart.amin(1).mean()))
        return float(torch.stack(distances).mean())


class PaletteLoss:
    """How far the colours of pictures are from those of a style, for pixels and for means of 8x8.

    Args:
        style: (1, 3, H, W), 0 to 1.
    """

    def __init__(self, style: Tensor) -> None:
        self._styles = [_list_colours(style, scale) for scale in _PALETTE_SCALES]

    def __call__(self, painted: Tensor) -> Tensor:
        """Return the mean distance of pictures (N, 3, H, W), 0 where all colours are as frequent as in the style."""
        with torch.autocast(painted.device.type, enabled=False):
            losses = []
            for scale, style in zip(_PALETTE_SCALES, self._styles, strict=True):
                colours = _draw(_list_colours(painted, scale), _COLOURS)
                directions = functional.normalize(torch.randn(_COLOUR_DIRECTIONS, 3, device=painted.device), dim=1)
                losses.append(sliced_distance(colours, _draw(style, len(colours)), directions))
            return torch.stack(losses).mean()


def sliced_distance(first: Tensor, second: Tensor, directions: Tensor) -> Tensor:
    """Return the mean Wasserstein distance of two sets of points (N, D) along directions (K, D)."""
    one, two = (torch.sort(directions @ points.T, 1).values for points in (first, second))
    return (one - two).abs().mean()


def _analyse(patches: Tensor) -> _Level:
    mean = patches.mean(0)
    centred = patches - mean
    variances, components = torch.linalg.eigh(centred.T @ centred / len(centred))
    variances, components = variances.flip(0)[:_COMPONENTS], components.flip(1)[:, :_COMPONENTS]
    whitening = components / variances.clamp_min(_WEAKEST * variances[0]).clamp_min(1e-8).sqrt()
    return _Level(mean, whitening, centred @ whitening)


def _draw_directions(components: int, device: torch.device) -> Tensor:
    directions = torch.randn(_PATCH_DIRECTIONS, components, device=device)
    half = _PATCH_DIRECTIONS // 2
    few = (torch.rand(half, components, device=device) < _DENSITY).float()
    few[torch.arange(half, device=device), torch.randint(components, (half,), device=device)] = 1  # never none
    directions[:half] *= few
    return functional.normalize(directions, dim=1)


def _draw(points: Tensor, count: int) -> Tensor:
    return points[torch.randint(len(points), (count,), device=points.device)]


def _list_patches(pictures: Tensor, stride: int) -> Tensor:
    return functional.unfold(pictures, _PATCH_PX, stride=stride).transpose(1, 2).flatten(0, 1)


def _list_colours(pictures: Tensor, scale: int) -> Tensor:
    means = functional.avg_pool2d(pictures.float(), scale) if scale > 1 else pictures.float()
    return means.permute(0, 2, 3, 1).reshape(-1, 3)
