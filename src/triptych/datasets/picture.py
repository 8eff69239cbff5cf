"""A picture in one PNG file."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from kedro.io import AbstractDataset, DatasetError
from numpy.typing import NDArray
from PIL import Image

from triptych.storage.local_files import replace_file

if TYPE_CHECKING:
    from kedro_datasets._typing import ImagePreview

_PREVIEW_PX = 1600


class PictureDataset(AbstractDataset[NDArray[np.uint8], NDArray[np.uint8]]):
    """RGB pixels, shape (height, width, 3), uint8; the file appears under its name only when complete.

    Args:
        filepath: The PNG file.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> NDArray[np.uint8]:
        """Read the pixels."""
        with Image.open(self._filepath) as image:
            return np.array(image.convert("RGB"))

    def save(self, data: NDArray[np.uint8]) -> None:
        """Write beside the target, then rename.

        Args:
            data: RGB pixels, shape (height, width, 3), uint8.
        """
        if data.dtype != np.uint8 or data.ndim != 3 or data.shape[2] != 3:
            raise DatasetError(f"a picture must be uint8 of shape (height, width, 3), got {data.dtype} {data.shape}")
        with replace_file(self._filepath) as part:
            Image.fromarray(data).save(part, format="PNG")

    def preview(self) -> ImagePreview:
        """Encode the picture for kedro-viz, scaled down where it is large."""
        with Image.open(self._filepath) as image:
            image.thumbnail((_PREVIEW_PX, _PREVIEW_PX))
            encoded = io.BytesIO()
            image.save(encoded, format="PNG")
        return base64.b64encode(encoded.getvalue()).decode("ascii")

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
