"""The shelf detector as an MLflow model: photos in, what was found on them out."""

from __future__ import annotations

import base64
import binascii
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.model import PythonModel

from triptych.shelf.data.photo_files import PhotoError, read_photo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from triptych.shelf.model.files import LoadedDetector

DETECTOR = "detector"
COLUMNS = {
    "photo": "int64",
    "category": "object",
    "score": "float64",
    "x": "float64",
    "y": "float64",
    "width": "float64",
    "height": "float64",
    "mask": "object",
}
MOST_PHOTOS = 64
MOST_BYTES = 20_000_000
MOST_PIXELS = 50_000_000
_BATCH = 4


class ShelfModel(PythonModel):
    """Find objects on photos with the detector in the model's artifact `detector`.

    Input: column `image`, a JPEG, PNG or the like as bytes or base64 text (a `data:` URL too); at most 64 photos, each
    of at most 20 MB and 50 million pixels. Parameter: `score_threshold` in [0, 1); 0 takes the one with the best F1 on
    the validation photos. Output: a row a detection with `photo` (its row in the input, from 0), `category`, `score`,
    `x`, `y`, `width`, `height` (of the box, in pixels of the upright photo), `mask` (COCO's compressed run lengths as
    JSON; empty where the detector finds boxes only). A photo on which nothing was found has no row.
    """

    _detector: LoadedDetector

    def load_context(self, context: Any) -> None:
        """Load the detector.

        Args:
            context: MLflow's, with the path of the artifact.
        """
        from triptych.shelf.model.files import load_detector

        self._detector = load_detector(Path(context.artifacts[DETECTOR]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Find objects.

        Args:
            context: Not used.
            model_input: The photos.
            params: `score_threshold`.

        Returns:
            The detections, photo by photo, best score first.

        Raises:
            MlflowException: If a photo or the threshold is wrong (HTTP 400 from a server).
        """
        from triptych.shelf.model.prediction import predict_photos

        threshold = float((params or {}).get("score_threshold", 0.0))
        if not 0 <= threshold < 1:
            raise _refuse(f"score_threshold must be in [0, 1), got {threshold}")
        threshold = threshold or self._detector.score_threshold
        photos = _read_photos(model_input)
        found = predict_photos(self._detector, enumerate(photos), _BATCH)
        rows = [
            self._describe(index, item)
            for index, results in enumerate(found)
            for item in sorted(results, key=lambda item: -item["score"])
            if item["score"] >= threshold
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)

    def _describe(self, photo: int, item: dict[str, Any]) -> tuple[Any, ...]:
        mask = json.dumps(item["segmentation"]) if "segmentation" in item else ""
        return photo, self._detector.categories[item["category_id"] - 1], item["score"], *item["bbox"], mask


def _read_photos(table: pd.DataFrame) -> list[NDArray[np.uint8]]:
    """Decode all photos; all must be right before any is looked at."""
    if "image" not in table:
        raise _refuse("column image is needed: a JPEG or PNG as base64 text")
    if not 1 <= len(table) <= MOST_PHOTOS:
        raise _refuse(f"1 to {MOST_PHOTOS} photos can be asked for at once, got {len(table)}")
    with tempfile.TemporaryDirectory(prefix="triptych-photos-") as folder:
        file = Path(folder) / "photo"
        return [_decode(index, cell, file) for index, cell in enumerate(table["image"].tolist())]


def _decode(index: int, cell: Any, file: Path) -> NDArray[np.uint8]:
    """Decode a photo, by way of a file."""
    try:
        file.write_bytes(_to_bytes(cell))
        return read_photo(file, MOST_PIXELS)
    except PhotoError as error:
        raise _refuse(f"image {index}: {error}") from error


def _to_bytes(cell: Any) -> bytes:
    """Take bytes, or decode base64 text."""
    if isinstance(cell, str):
        _check_length(len(cell) * 3 // 4)
        text = cell.partition(",")[2] if cell.startswith("data:") else cell
        try:
            cell = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise PhotoError(f"no base64 text: {error}") from error
    if not isinstance(cell, bytes | bytearray):
        raise PhotoError(f"neither base64 text nor bytes but {type(cell).__name__}")
    _check_length(len(cell))
    return bytes(cell)


def _check_length(length: int) -> None:
    if length > MOST_BYTES:
        raise PhotoError(f"{length} bytes, more than {MOST_BYTES}")


def _refuse(message: str) -> MlflowException:
    error: MlflowException = MlflowException.invalid_parameter_value(message)
    return error
