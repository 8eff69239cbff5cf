"""Photos on which style networks are trained."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Picture = NDArray[np.uint8]
_logger = logging.getLogger(__name__)
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
_OTHERS = frozenset(
    {".heic", ".heif", ".avif", ".gif", ".jfif", ".jpe", ".jp2", ".jxl", ".psd", ".dng", ".cr2", ".nef"}
)
"""Endings of pictures that are passed over in folders."""
_MOST_OF_16_BITS = 65_535
_SLIMMEST = 10  # times as long as wide, at most: longer ones are cut to their middle
_RESERVED = "/:+>@"  # what divides the names of styles where they are asked for
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


class PhotoStream:
    """Photos one after the other, in another order every time round; any number of them, as few are held at a time.

    The next one is read while the last is used.

    Args:
        paths: Files; those that are no pictures are left out with a warning, once.
        seed: Of the order.
        longest_px: Larger photos are scaled down to this.

    Raises:
        ValueError: When there is no photo at all.
    """

    def __init__(self, paths: Sequence[Path], seed: int = 0, longest_px: int = 640) -> None:
        self._paths, self._seed, self._longest_px = list(paths), seed, longest_px
        self._named = f"{len(self._paths)} files, {self._paths[0]} first" if self._paths else "no file"
        self._rng = np.random.default_rng(seed)
        self._order: list[Path] = []
        self._pool = ThreadPoolExecutor(1)
        self._next = self._pool.submit(self._read_next)

    def renew(self) -> PhotoStream:
        """Give a stream that begins anew, with the same photos in the same order."""
        return PhotoStream(self._paths, self._seed, self._longest_px)

    def __next__(self) -> Picture:
        """Return an RGB picture (height, width, 3), uint8."""
        photo, self._next = self._next.result(), self._pool.submit(self._read_next)
        return photo

    def __iter__(self) -> Iterator[Picture]:
        """Return itself."""
        return self

    def __len__(self) -> int:
        """Return how many there are, as far as is known: broken ones count until they are met."""
        return len(self._paths)

    def _read_next(self) -> Picture:
        while self._paths:
            if not self._order:
                self._order = [self._paths[i] for i in self._rng.permutation(len(self._paths))]
            path = self._order.pop()
            photo = _read_photo(path, self._longest_px)
            if photo is not None:
                return photo
            self._paths.remove(path)
        raise ValueError(f"no photo to train on: none can be read ({self._named})")


def find_photos(folder: Path | None) -> list[Path]:
    """Find the photos of a folder, or those that come with scikit-learn and scikit-image where it holds none.

    Args:
        folder: Looked through with its subfolders.

    Raises:
        ValueError: If there is no photo at all.
    """
    paths = _list_pictures(folder) if folder else []
    if not paths:
        paths = list_bundled_photos()
        _logger.info("training on the %d photos that come with scikit-learn and scikit-image", len(paths))
    if not paths:
        raise ValueError(f"no photo to train on: put some pictures into {folder}")
    return paths


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
            return _to_rgb(ImageOps.exif_transpose(image))
    except MemoryError:
        raise
    except Exception as error:  # of a damaged file Pillow raises what it comes upon, SyntaxError and TypeError too
        raise ValueError(f"{path} is no picture that can be read: {error}") from error


def _to_rgb(image: Image.Image) -> Picture:
    """Convert to RGB; Pillow would cut off at 255 what has more bits, and show what is hidden by transparency."""
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image).clip(0, _MOST_OF_16_BITS) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


def read_styles(path: Path) -> dict[str, Picture]:
    """Read a picture, or all that lie in a folder, by their names without ending.

    Raises:
        ValueError: If there is none, one is no picture, or a name cannot be that of a style.
    """
    if not path.is_dir():
        return {path.stem: _read_style(path)}
    styles: dict[str, Picture] = {}
    _warn_of_others(path, path.iterdir())
    for file in sorted(path.iterdir()):
        if file.suffix.lower() not in _SUFFIXES or file.name.startswith("."):
            continue
        if file.stem in styles or set(file.stem) & set(_RESERVED) or file.stem != file.stem.strip():
            raise ValueError(
                f"{file}: each style needs a name of its own without any of {_RESERVED} and no space at its ends; "
                "rename it"
            )
        styles[file.stem] = _read_style(file)
    if not styles:
        raise ValueError(f"{path} holds no picture to take a style from")
    return styles


def _read_style(path: Path) -> Picture:
    return np.asarray(_cut_to_middle(Image.fromarray(read_picture(path))))


def _cut_to_middle(image: Image.Image) -> Image.Image:
    """Cut what is very long: scaled up until it is as wide as a crop it would fill the memory."""
    width, height = image.size
    most = _SLIMMEST * min(width, height)
    left, top = max(0, width - most) // 2, max(0, height - most) // 2
    return image.crop((left, top, width - left, height - top)) if left or top else image


def _list_pictures(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    _warn_of_others(folder, found)
    return [path for path in found if path.suffix.lower() in _SUFFIXES]


def _warn_of_others(folder: Path, files: Iterable[Path]) -> None:
    passed = sorted(path.name for path in files if path.suffix.lower() in _OTHERS)
    if passed:
        _logger.warning(
            "%d pictures of %s are not taken, %s first: convert them to one of %s",
            *(len(passed), folder, passed[0], ", ".join(sorted(_SUFFIXES))),
        )


def _read_photo(path: Path, longest_px: int) -> NDArray[np.uint8] | None:
    try:
        image = Image.fromarray(read_picture(path))
    except ValueError as error:
        _logger.warning("left out: %s", error)
        return None
    image = _cut_to_middle(image)
    image.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
    return np.asarray(image)
