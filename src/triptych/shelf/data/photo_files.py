"""Photos as files: upright 8-bit RGB pixels from whatever cameras and tools write."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

Pixels = TypeVar("Pixels", bound=NDArray[Any])


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


class Turn(NamedTuple):
    """How to turn: swap the axes, then mirror left and right, then top and bottom."""

    swap: bool
    mirror_x: bool
    mirror_y: bool

    def turn_size(self, size: Size) -> Size:
        """Return the size after the turn."""
        return Size(size.height, size.width) if self.swap else size

    def turn_pixels(self, pixels: Pixels) -> Pixels:
        """Turn pixels, shape (height, width, ...)."""
        if self.swap:
            pixels = pixels.swapaxes(0, 1)
        if self.mirror_x:
            pixels = pixels[:, ::-1]  # type: ignore[assignment]
        return pixels[::-1] if self.mirror_y else pixels  # type: ignore[return-value]

    def turn_points(self, points: NDArray[np.float64], size: Size) -> NDArray[np.float64]:
        """Turn points.

        Args:
            points: x and y, shape (n, 2).
            size: Size of the photo before the turn.
        """
        turned = points[:, ::-1].copy() if self.swap else points.copy()
        width, height = self.turn_size(size)
        if self.mirror_x:
            turned[:, 0] = width - turned[:, 0]
        if self.mirror_y:
            turned[:, 1] = height - turned[:, 1]
        return turned


UPRIGHT = Turn(False, False, False)

_TURNS = {
    2: Turn(False, True, False),
    3: Turn(False, True, True),
    4: Turn(False, False, True),
    5: Turn(True, False, False),
    6: Turn(True, True, False),
    7: Turn(True, True, True),
    8: Turn(True, False, True),
}


def turn_of(orientation: object) -> Turn:
    """Look up the turn that makes a photo upright.

    Args:
        orientation: Exif's Orientation (tag 274), 1 to 8; anything else counts as 1, upright.
    """
    return _TURNS.get(orientation, UPRIGHT) if isinstance(orientation, int) else UPRIGHT


def _register_heif() -> tuple[str, ...]:
    """Let Pillow read HEIC, where the library is."""
    try:
        from pi_heif import register_heif_opener
    except ImportError:  # on a bare machine
        return ()
    register_heif_opener()
    return ("HEIF",)


_COMMON = {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".dib", ".tif", ".tiff"}
_RARE = {".webp", ".gif", ".ppm", ".pgm", ".pnm", ".avif", ".heic", ".heif"}
PHOTO_SUFFIXES = frozenset(_COMMON | _RARE)
"""What a photo's name ends in; some of them only to be refused by name."""

# No others: each decoder is code that strangers' files reach.
_FORMATS = ("JPEG", "PNG", "BMP", "DIB", "TIFF", "WEBP", "GIF", "PPM", "AVIF", *_register_heif())
# Libraries turn these by themselves; of HEIC by the container, beside which Exif says the same again, or nothing valid.
_TURNED = ("TIFF", "HEIF")
_JPEGS = ("JPEG", "MPO")
_ORIENTATION = 274
_QUALITY = 95
_SAMPLED_BYTES = 1 << 14
_REDUCTIONS = (8, 4, 2)  # sizes at which a JPEG can be decoded, as parts of the whole
_REDUCTION_ERROR_PX = 0.25  # by which a reduced photo may be stretched, at its far edge


class PhotoError(ValueError):
    """A photo that cannot be used; the message is the reason."""


class Photo(NamedTuple):
    """A decoded photo.

    Attributes:
        pixels: Upright RGB, shape (height, width, 3), uint8.
        size: Of the photo, upright; `pixels` may be fewer (`read_reduced`).
        turn: How it was turned.
        encoding: Format of the file, such as JPEG.
        is_plain: Whether the file holds these very pixels: 8-bit RGB, upright.
    """

    pixels: NDArray[np.uint8]
    size: Size
    turn: Turn
    encoding: str
    is_plain: bool


def read_photo(path: Path, max_pixels: int) -> NDArray[np.uint8]:
    """Read a photo as upright RGB.

    Exif rotation is applied. Transparent parts become white, 16-bit greys lose their lower half, of several
    frames the first is taken.

    Args:
        path: The file.
        max_pixels: Refuse larger photos, before they are decoded.

    Returns:
        Shape (height, width, 3), uint8.

    Raises:
        PhotoError: If the file cannot be used; the message says why.
    """
    return decode_photo(path, max_pixels).pixels


def read_reduced(path: Path, max_pixels: int, fit: Callable[[Size], Size]) -> tuple[NDArray[np.uint8], Size]:
    """Read a photo that will be made smaller, and decode no more of it than that takes.

    A JPEG is decoded at a half, a quarter or an eighth of its size (libjpeg's scaled inverse transform, which averages)
    where that is no smaller than what is needed; anything else is decoded whole.

    Args:
        path: The file.
        max_pixels: Refuse larger photos, before they are decoded.
        fit: Given the size of the photo, upright, gives the one it will be made to.

    Returns:
        Pixels as of `read_photo`, or fewer, that show all of the photo; and its own size.

    Raises:
        PhotoError: If the file cannot be used; the message says why.
    """
    photo = decode_photo(path, max_pixels, fit)
    return photo.pixels, photo.size


def measure_photo(path: Path, max_pixels: int) -> Size:
    """Read the size of a photo from its header, before any turn; nothing is decoded.

    Raises:
        PhotoError: If the file is no photo, or one with more pixels; the message says why.
    """
    with _open(path) as image:
        _check_pixels(image, max_pixels)
        return Size(*image.size)


def decode_photo(path: Path, max_pixels: int, fit: Callable[[Size], Size] | None = None) -> Photo:
    """Read a photo as upright RGB, with what has been done to it; see `read_photo` and `read_reduced`."""
    with _open(path) as image:
        return _decode(image, max_pixels, fit)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[Image.Image]:
    """Open a photo; whatever its decoder raises is told as a fault of the file."""
    # A pipe or device would block.
    if not path.is_file():
        raise PhotoError("no regular file")
    if path.stat().st_size == 0:
        raise PhotoError("empty file")
    try:
        with Image.open(path, formats=_FORMATS) as image:
            yield image
    except PhotoError:
        raise
    except UnidentifiedImageError as error:
        raise PhotoError(f"no photo in a format that is read ({', '.join(_FORMATS)})") from error
    except Image.DecompressionBombError as error:
        raise PhotoError(f"too many pixels: {error}") from error
    # Decoders raise almost anything on damaged files: OSError, SyntaxError, struct.error, IndexError, MemoryError ...
    except Exception as error:
        raise PhotoError(f"damaged: {str(error) or type(error).__name__}") from error


class StoredPhoto(NamedTuple):
    """A photo that has been written."""

    file_name: str
    size: Size
    turn: Turn
    is_copied: bool


def store_photo(path: Path, target: Path, max_pixels: int) -> StoredPhoto:
    """Write a photo as upright 8-bit RGB.

    A JPEG that is so already is copied byte for byte; another JPEG, and a HEIC, which loses as much, becomes one
    (quality 95, full colour resolution), anything else a PNG.

    Args:
        path: The photo.
        target: Where to write it, without a suffix.
        max_pixels: Refuse larger photos.

    Returns:
        The name it was written under, its size, and what has been done to it.

    Raises:
        PhotoError: If the photo cannot be used.
    """
    photo = decode_photo(path, max_pixels)
    is_jpeg = photo.encoding in (*_JPEGS, "HEIF")
    is_copied = is_jpeg and photo.is_plain and photo.encoding != "HEIF"
    written = target.with_name(target.name + (".jpg" if is_jpeg else ".png"))
    if is_copied:
        shutil.copyfile(path, written)
    elif is_jpeg:
        Image.fromarray(photo.pixels).save(written, "JPEG", quality=_QUALITY, subsampling=0)
    else:
        Image.fromarray(photo.pixels).save(written, "PNG", compress_level=1)
    return StoredPhoto(written.name, Size(photo.pixels.shape[1], photo.pixels.shape[0]), photo.turn, is_copied)


def _decode(image: Image.Image, max_pixels: int, fit: Callable[[Size], Size] | None) -> Photo:
    _check_pixels(image, max_pixels)
    turn, encoding, mode = _read_turn(image), str(image.format), image.mode
    size = turn.turn_size(Size(*image.size))
    if fit is not None and encoding in _JPEGS:
        factor = _choose_reduction(size, fit(size))
        image.draft(None, (image.width // factor, image.height // factor))
    image.load()
    upright = np.asarray(_to_rgb(image))
    if encoding in _TURNED:
        size = Size(*image.size)
    else:
        upright = turn.turn_pixels(upright)
    return Photo(np.ascontiguousarray(upright), size, turn, encoding, mode == "RGB" and turn == UPRIGHT)


def _check_pixels(image: Image.Image, max_pixels: int) -> None:
    pixels = image.width * image.height
    if pixels > max_pixels:
        raise PhotoError(f"{image.width} x {image.height} are {pixels} pixels, more than max_pixels={max_pixels}")


def _choose_reduction(size: Size, wanted: Size) -> int:
    """Give by how much a JPEG may be reduced: its last blocks may reach beyond the photo, and stretch it."""
    for factor in _REDUCTIONS:
        reduced = [math.ceil(side / factor) for side in size]
        stretch = max((all_ * factor / side - 1) * goal for all_, side, goal in zip(reduced, size, wanted, strict=True))
        if all(side >= goal for side, goal in zip(reduced, wanted, strict=True)) and stretch <= _REDUCTION_ERROR_PX:
            return factor
    return 1


def _read_turn(image: Image.Image) -> Turn:
    # A photo is as good with damaged Exif data as without any.
    with contextlib.suppress(Exception):
        return turn_of(image.getexif().get(_ORIENTATION))
    return UPRIGHT


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise PhotoError("floating-point pixels, of unknown range: save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        return _narrow(image)
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    layered = image.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    return Image.alpha_composite(white, layered).convert("RGB")


def _narrow(image: Image.Image) -> Image.Image:
    """Reduce 16-bit greys to 8."""
    values = np.asarray(image)
    if values.size and (values.max() > 0xFFFF or values.min() < 0):
        raise PhotoError("32-bit pixels, of unknown range: save it with 8 or 16 bits")
    return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")


def sample_file(path: Path) -> bytes:
    """Give a file's size, beginning and end: enough to notice another photo, and soon read."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        start = file.read(_SAMPLED_BYTES)
        file.seek(max(0, size - _SAMPLED_BYTES))
        return size.to_bytes(8, "big") + start + file.read(_SAMPLED_BYTES)
