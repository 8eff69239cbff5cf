"""Photos on which style networks are trained."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

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
