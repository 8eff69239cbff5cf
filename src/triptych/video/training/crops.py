"""Crops of photos and of the style image, as training steps take them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from triptych.video.params import StyleTrainingParams
from triptych.video.training.consistency import Movement
from triptych.video.training.structure import LUMA

Picture = NDArray[np.uint8]
_MATCHED_SHARE = 0.6  # of the luma to keep, the part whose histogram is the style's
_HELD = 32  # photos in memory
_CROPS_A_PHOTO = 2  # until the next one takes its place
_LARGEST_CROP = 2.2  # crops are scaled down from up to so many times their size
_NOISY = 0.6  # share of the steps with much noise, which are not to be painted
_LITTLE_NOISE = 0.01
_GRAIN_PX = 4
_STYLE_SCALES = (0.85, 1.2)


@dataclass(frozen=True)
class Batch:
    """What a step is shown.

    Attributes:
        seen: Photos with noise, (N, 3, S, S), about 0 to 1; the last is the first once more, moved, with other noise.
        photo: The same without noise.
        kept_luma: The luma to be kept, (N, 1, S, S).
        movement: How the last has moved.
    """

    seen: Tensor
    photo: Tensor
    kept_luma: Tensor
    movement: Movement

    def to(self, device: torch.device) -> Batch:
        """Move it to a device."""
        seen = self.seen.to(device, memory_format=torch.channels_last)
        return Batch(seen, self.photo.to(device), self.kept_luma.to(device), self.movement)


class CropMaker:
    """Draws random crops of random photos at random scales.

    Args:
        photos: RGB, (H, W, 3), without end; a few are held, and from time to time the next takes the place of one.
        count: How many differ; no more are held.
        style_image: The histogram of its luma is that towards which the photos' is moved.
        training: Size and number of crops, and seed.
    """

    def __init__(
        self, photos: Iterator[Picture], count: int, style_image: Picture, training: StyleTrainingParams
    ) -> None:
        self._rng = np.random.default_rng(training.seed)
        self._training = training
        self._style_luma = _luma_of(style_image)
        self._coming = photos
        self._photos = [self._prepare(next(photos)) for _ in range(min(count, _HELD))]
        self._changing = count > _HELD
        self._drawn = 0

    def draw(self) -> Batch:
        """Draw what a step is shown."""
        crops = np.stack([self._draw_one() for _ in range(self._training.batch_size)]).transpose(0, 3, 1, 2)
        pictures = torch.from_numpy(np.ascontiguousarray(crops))
        movement = Movement(self._rng, self._training.crop_px)
        pictures = torch.cat([pictures, movement.apply(pictures[:1])])
        strong = self._rng.random() < _NOISY
        deviation = float(self._rng.uniform(0, self._training.input_noise)) if strong else _LITTLE_NOISE
        photo, kept = pictures[:, :3], pictures[:, 3:]
        return Batch(photo + deviation * draw_noise(photo.shape), photo, kept, movement)

    def _draw_one(self) -> NDArray[np.float32]:
        photo = self._photos[self._rng.integers(len(self._photos))]
        self._drawn += 1
        if self._changing and self._drawn % _CROPS_A_PHOTO == 0:
            self._photos[self._rng.integers(len(self._photos))] = self._prepare(next(self._coming))
        height, width = photo.shape[:2]
        size = self._training.crop_px
        side = int(self._rng.uniform(size, min(height, width, _LARGEST_CROP * size)))
        top, left = self._rng.integers(height - side + 1), self._rng.integers(width - side + 1)
        crop = cv2.resize(photo[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_AREA)
        return np.asarray(crop[:, ::-1] if self._rng.random() < 0.5 else crop, np.float32)

    def _prepare(self, photo: Picture) -> NDArray[np.float32]:
        """Return the photo, 0 to 1, with the luma to be kept as a fourth channel."""
        larger = self._training.crop_px / min(photo.shape[:2])
        if larger > 1:
            photo = np.asarray(cv2.resize(photo, None, fx=larger + 0.01, fy=larger + 0.01), np.uint8)
        luma = _luma_of(photo)
        kept = (1 - _MATCHED_SHARE) * luma + _MATCHED_SHARE * match_histogram(luma, self._style_luma)
        return np.concatenate([photo.astype(np.float32) / 255, kept[..., None]], 2)


def to_tensor(picture: Picture) -> Tensor:
    """Turn RGB (H, W, 3) of 0 to 255 into (1, 3, H, W) of 0 to 1."""
    return torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None].contiguous()


def draw_noise(shape: torch.Size) -> Tensor:
    """Draw noise of unit deviation and of two grains, as cameras and as compression make it, (N, C, H, W)."""
    count, channels, height, width = shape
    coarse = torch.randn(count, channels, -(-height // _GRAIN_PX), -(-width // _GRAIN_PX))
    coarse = functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    return (torch.randn(shape) + coarse) / math.sqrt(2)


def draw_style(style: Tensor, count: int, size: int, rng: np.random.Generator) -> Tensor:
    """Draw crops (count, 3, size, size) of a style image (1, 3, H, W), a little larger or smaller, some mirrored."""
    crops = []
    for _ in range(count):
        side = min(int(size / rng.uniform(*_STYLE_SCALES)), *style.shape[2:])
        top, left = (int(rng.integers(length - side + 1)) for length in style.shape[2:])
        crop = style[:, :, top : top + side, left : left + side]
        crop = functional.interpolate(crop, (size, size), mode="bilinear", antialias=True, align_corners=False)
        crops.append(crop.flip(3) if rng.random() < 0.5 else crop)
    return torch.cat(crops)


def match_histogram(luma: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move the values of a picture, 0 to 1, so that they are spread as those of another; their order stays."""
    levels = np.linspace(0, 1, 257)
    shares = np.histogram(luma, levels)[0].cumsum() / luma.size
    places = np.concatenate([[0.0], shares])
    mapped = np.quantile(target, places)
    return np.asarray(np.interp(luma, levels, mapped), np.float32)


def _luma_of(picture: Picture) -> NDArray[np.float32]:
    return np.asarray(picture.astype(np.float32) @ np.array(LUMA, np.float32) / 255, np.float32)
