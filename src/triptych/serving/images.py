"""Pictures as requests carry them: bytes, or base64 text."""

from __future__ import annotations

import base64
import binascii
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.shelf.data.photo_files import PhotoError, read_photo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ImageError", "decode_image", "to_bytes", "to_text"]


class ImageError(ValueError):
    """What was sent is no picture that can be used; the message is the reason."""


def decode_image(cell: Any, max_bytes: int, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a picture that somebody sent.

    Args:
        cell: A JPEG, PNG or the like as bytes or base64 text (a `data:` URL too).
        max_bytes: Refuse larger files.
        max_pixels: Refuse larger pictures, before they are decoded.

    Returns:
        Upright RGB, shape (height, width, 3), uint8.

    Raises:
        ImageError: If it is none.
    """
    data = to_bytes(cell, max_bytes)
    with tempfile.TemporaryDirectory(prefix="triptych-image-") as folder:
        file = Path(folder) / "image"
        file.write_bytes(data)
        try:
            return read_photo(file, max_pixels)
        except PhotoError as error:
            raise ImageError(str(error)) from error


def to_text(data: bytes) -> str:
    """Give bytes as base64 text, for JSON."""
    return base64.b64encode(data).decode("ascii")


def to_bytes(cell: Any, max_bytes: int) -> bytes:
    """Take bytes, or decode base64 text.

    Args:
        cell: What was sent; a `data:` URL too.
        max_bytes: Refuse more, where it can be told before they are decoded.

    Raises:
        ImageError: If it is neither, or too long.
    """
    if isinstance(cell, str):
        _check_length(len(cell) * 3 // 4, max_bytes)
        text = cell.partition(",")[2] if cell.startswith("data:") else cell
        try:
            cell = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise ImageError(f"no base64 text: {error}") from error
    if not isinstance(cell, bytes | bytearray):
        raise ImageError(f"neither base64 text nor bytes but {type(cell).__name__}")
    _check_length(len(cell), max_bytes)
    return bytes(cell)


def _check_length(length: int, max_bytes: int) -> None:
    if length > max_bytes:
        raise ImageError(f"{length} bytes, more than {max_bytes}")
