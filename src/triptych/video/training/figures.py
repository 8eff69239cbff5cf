"""Whether a style has been learnt, in figures: near to its patches, true to the photo, without ripples.

The eye is the judge; these tell when to look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from triptych.video.network.transformer import TransformerNet
from triptych.video.training.crops import to_tensor
from triptych.video.training.distributions import PatchLoss
from triptych.video.training.preview import paint
from triptych.video.training.ripple import measure_ripple
from triptych.video.training.structure import luma

Picture = NDArray[np.uint8]
_HEIGHT_PX = 384
_COARSE_PX = 4
_NO_DISTANCE = 1e-6  # of a photo that is the style itself


def measure_styles(
    networks: Mapping[str, TransformerNet], styles: Mapping[str, Picture], photos: Sequence[Picture]
) -> dict[str, float]:
    """Measure how several styles are painted.

    Args:
        networks: Of each style by name, one that paints in it.
        styles: The style images as they were trained on.
        photos: As of `measure_style`.

    Returns:
        What `measure_style` gives, means over the styles; of several also those of each, as `patch_distance.NAME`.
    """
    found = {name: measure_style(network, styles[name], photos) for name, network in networks.items()}
    means = {key: float(np.mean([figures[key] for figures in found.values()])) for key in next(iter(found.values()))}
    if len(found) == 1:
        return means
    return means | {f"{key}.{name}": value for name, figures in found.items() for key, value in figures.items()}


def measure_style(network: TransformerNet, style: Picture, photos: Sequence[Picture]) -> dict[str, float]:
    """Measure how a network paints photos.

    Args:
        network: It paints in the style.
        style: The style image as it was trained on, (H, W, 3) RGB.
        photos: (H, W, 3) RGB each.

    Returns:
        `patch_distance`: relaxed earth mover's distance (Kolkin et al., "Style transfer by relaxed optimal transport
        and self-similarity", 2019) of whitened 7x7 patches at four sizes, relative to that of the unpainted photos:
        below 1, and less is nearer to the style. `structure`: correlation of the luma of means of 4x4 pixels with the
        photo's, up to 1. `ripple`: mean of `measure_ripple`, and `ripple_of_style`. All are means over the photos.
    """
    target = to_tensor(style)
    patches = PatchLoss(target)
    rows = []
    for photo in photos:
        before = _scale(photo)
        after = paint(network, before)
        one, two = to_tensor(before[: after.shape[0], : after.shape[1]]), to_tensor(after)
        distance = patches.relaxed_distance(two) / max(patches.relaxed_distance(one), _NO_DISTANCE)
        rows.append((distance, _correlate(one, two), float(measure_ripple(two).mean())))
    means = np.mean(rows, 0)
    names = ("patch_distance", "structure", "ripple")
    figures = {name: float(value) for name, value in zip(names, means, strict=True)}
    return {**figures, "ripple_of_style": float(measure_ripple(target).mean())}


def _correlate(before: Tensor, after: Tensor) -> float:
    values = [functional.avg_pool2d(luma(picture), _COARSE_PX).flatten() for picture in (before, after)]
    return float(torch.corrcoef(torch.stack(values))[0, 1].nan_to_num())


def _scale(photo: Picture) -> Picture:
    width = max(64, round(photo.shape[1] * _HEIGHT_PX / photo.shape[0]))
    return np.asarray(cv2.resize(photo, (width, _HEIGHT_PX), interpolation=cv2.INTER_AREA), np.uint8)
