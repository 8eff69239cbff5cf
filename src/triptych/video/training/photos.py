"""Photos on which style networks are trained."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from triptych.video.params import StyleTrainingParams

_logger = logging.getLogger(__name__)
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
_BUNDLED = {
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
    "skimage": (
        "data/astronaut.png",
        "data/chelsea.png",
        "data/coffee.png",
        "data/rocket.jpg",
        "data/motorcycle_left.png",
        "data/hubble_deep_field.jpg",
        "data/ihc.png",
        "data/grass.png",
        "data/brick.png",
        "data/gravel.png",
        "data/camera.png",
    ),
}
"""Photos that come with packages; scikit-image is there for developers only."""


def read_photos(folder: Path | None, longest_px: int = 640, at_most: int = 400) -> list[NDArray[np.uint8]]:
    """Read the photos of a folder, or those that come with scikit-learn and scikit-image where it holds none.

    Args:
        folder: Looked through with its subfolders; files that are no pictures are left out with a warning.
        longest_px: Larger photos are scaled down to this.
        at_most: Photos read; more are thinned out evenly.

    Returns:
        RGB pictures (height, width, 3), uint8.

    Raises:
        ValueError: If there is no photo at all.
    """
    paths: Sequence[Path] = _list_pictures(folder) if folder else []
    if not paths:
        paths = list_bundled_photos()
        _logger.info("training on the %d photos that come with scikit-learn and scikit-image", len(paths))
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, min(at_most, len(paths))).astype(int)] if paths else []
    photos = [photo for path in chosen if (photo := _read_photo(path, longest_px)) is not None]
    if not photos:
        raise ValueError(f"no photo to train on: put some pictures into {folder}")
    return photos


def list_bundled_photos() -> list[Path]:
    """List the photos that come with the packages that are installed."""
    paths = []
    for package, names in _BUNDLED.items():
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin:
            paths += [path for name in names if (path := Path(spec.origin).parent / name).is_file()]
    return paths


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture upright, as RGB (height, width, 3), uint8.

    Raises:
        ValueError: If the file is no picture.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is no picture that can be read: {error}") from error


def _list_pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES and path.is_file())


def _read_photo(path: Path, longest_px: int) -> NDArray[np.uint8] | None:
    try:
        image = Image.fromarray(read_picture(path))
    except ValueError as error:
        _logger.warning("left out: %s", error)
        return None
    image.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
    return np.asarray(image)


Picture = NDArray[np.uint8]
_MATCHED_SHARE = 0.6  # of the luma to keep, the part whose histogram is the style's
_LUMA = (0.299, 0.587, 0.114)


class CropMaker:
    """Draws random crops of random photos at random scales.

    Args:
        photos: RGB, (H, W, 3).
        style_image: The histogram of its luma is that towards which the photos' is moved.
        training: Size and number of crops, and seed.
    """

    def __init__(self, photos: list[Picture], style_image: Picture, training: StyleTrainingParams) -> None:
        self._rng = np.random.default_rng(training.seed)
        self._size, self._count = training.crop_px, training.batch_size
        style_luma = _luma_of(style_image)
        self._photos = [self._with_kept_luma(photo, style_luma) for photo in photos]

    def _with_kept_luma(self, photo: Picture, style_luma: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the photo, 0 to 1, with the luma to be kept as a fourth channel."""
        larger = self._size / min(photo.shape[:2])
        if larger > 1:
            photo = np.asarray(cv2.resize(photo, None, fx=larger + 0.01, fy=larger + 0.01), np.uint8)
        luma = _luma_of(photo)
        kept = (1 - _MATCHED_SHARE) * luma + _MATCHED_SHARE * match_histogram(luma, style_luma)
        return np.concatenate([photo.astype(np.float32) / 255, kept[..., None]], 2)

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return photos (N, 3, S, S) and the luma to be kept (N, 1, S, S)."""
        crops = np.stack([self._draw_one() for _ in range(self._count)]).transpose(0, 3, 1, 2)
        both = torch.from_numpy(np.ascontiguousarray(crops)).contiguous(memory_format=torch.channels_last)
        return both[:, :3], both[:, 3:]

    def _draw_one(self) -> NDArray[np.float32]:
        photo = self._photos[self._rng.integers(len(self._photos))]
        height, width = photo.shape[:2]
        side = int(self._rng.uniform(self._size, min(height, width, 2 * self._size)))
        top, left = self._rng.integers(height - side + 1), self._rng.integers(width - side + 1)
        crop = cv2.resize(photo[top : top + side, left : left + side], (self._size,) * 2, interpolation=cv2.INTER_AREA)
        return np.asarray(crop[:, ::-1] if self._rng.random() < 0.5 else crop, np.float32)


def match_histogram(luma: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move the values of a picture, 0 to 1, so that they are spread as those of another; their order stays."""
    levels = np.linspace(0, 1, 257)
    shares = np.histogram(luma, levels)[0].cumsum() / luma.size
    places = np.concatenate([[0.0], shares])
    mapped = np.quantile(target, places)
    return np.asarray(np.interp(luma, levels, mapped), np.float32)


def _luma_of(picture: Picture) -> NDArray[np.float32]:
    return np.asarray(picture.astype(np.float32) @ np.array(_LUMA, np.float32) / 255, np.float32)
