"""The shelf detector as an MLflow model: photos in, what was found on them out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.model import PythonModel

from triptych.serving.images import ImageError, to_bytes
from triptych.serving.request_params import complete_params
from triptych.shelf.data.photo_files import PhotoError, measure_photo

if TYPE_CHECKING:
    from triptych.shelf.model.files import LoadedDetector
    from triptych.shelf.model.prediction import Photo
    from triptych.shelf.params import DetectorParams

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
MOST_BYTES_IN_ALL = 200_000_000
MOST_PIXELS = 50_000_000
MOST_PIXELS_IN_ALL = 200_000_000
_BATCH, _LARGEST_BATCH = 4, 8
_BATCH_PIXELS = 1_000_000
"""Of small photos more go together, up to so many pixels: each step has a price of its own."""
_IN_PARTS = "a request: ask in parts, or use the batch endpoint or `kedro run --pipelines shelf_score`"


class ShelfModel(PythonModel):
    """Find objects on photos with the detector in the model's artifact `detector`.

    Input: column `image`, a JPEG, PNG or the like as bytes or base64 text (a `data:` URL too); at most 64 photos,
    each of at most 20 MB and 50 million pixels, together of at most 200 MB and 200 million pixels. Parameter:
    `score_threshold` in [0, 1); 0 takes the one with the best F1 on the validation photos. Output: a row a
    detection with `photo` (its row in the input, from 0), `category`, `score`, `x`, `y`, `width`, `height` (of the
    box, in pixels of the upright photo), `mask` (COCO's compressed run lengths as JSON; empty where the detector
    finds boxes only). A photo on which nothing was found has no row.
    """

    _detector: LoadedDetector
    _number: int

    def load_context(self, context: Any) -> None:
        """Load the detector.

        Args:
            context: MLflow's, with the path of the artifact.
        """
        from triptych.shelf.model.files import load_detector, number_detector

        self._detector = load_detector(Path(context.artifacts[DETECTOR]))
        self._number = number_detector(Path(context.artifacts[DETECTOR]))

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
        from triptych.shelf.model.prediction import predict_prepared

        threshold = float(complete_params(params, {"score_threshold": 0.0})["score_threshold"])
        if not 0 <= threshold < 1:
            raise _refuse(f"score_threshold must be in [0, 1), got {threshold}")
        threshold = threshold or self._detector.score_threshold
        photos = _read_photos(model_input, self._detector.params)
        found = predict_prepared(self._detector, photos, _choose_batch(photos), "auto")
        rows = [
            self._describe(index, item)
            for index, results in enumerate(found)
            for item in sorted(results, key=lambda item: -item["score"])
            if item["score"] >= threshold
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)

    def measure(
        self, model_input: pd.DataFrame, found: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[dict[Any, Any]]:
        """Measure photos that were looked at, for `shelf_drift`: a row of figures each, never their pixels.

        What was asked for with a higher score threshold than the detector's own is not measured: there detections are
        missing.

        Args:
            model_input: As for `predict`.
            found: What that gave.
            params: As for that.
        """
        from triptych.drift.versions import MODEL
        from triptych.shelf.scoring.photo_measures import Found, measure_photos

        own = self._detector.score_threshold
        if float(complete_params(params, {"score_threshold": 0.0})["score_threshold"]) > own:
            return []
        found = found[found["score"] >= own]
        with tempfile.TemporaryDirectory(prefix="triptych-photos-") as folder:
            files = [Path(folder) / str(index) for index in range(len(model_input))]
            _write_photos(model_input["image"].tolist(), files)
            scores = [found.loc[found["photo"] == index, "score"].tolist() for index in range(len(files))]
            table = measure_photos(map(Found, files, scores), MOST_PIXELS)
        measured: list[dict[Any, Any]] = table.assign(**{MODEL: self._number}).to_dict("records")
        return measured

    def _describe(self, photo: int, item: dict[str, Any]) -> tuple[Any, ...]:
        mask = json.dumps(item["segmentation"]) if "segmentation" in item else ""
        return photo, self._detector.categories[item["category_id"] - 1], item["score"], *item["bbox"], mask


def _read_photos(table: pd.DataFrame, params: DetectorParams) -> list[Photo]:
    """Decode all photos, each scaled down at once to what the detector sees; all must be right before any is looked at.

    Their sizes are read from their headers first: a few hundred bytes may unpack to hundreds of megabytes.
    """
    if "image" not in table:
        raise _refuse("column image is needed: a JPEG or PNG as base64 text")
    if not 1 <= len(table) <= MOST_PHOTOS:
        raise _refuse(f"1 to {MOST_PHOTOS} photos can be asked for at once, got {len(table)}")
    with tempfile.TemporaryDirectory(prefix="triptych-photos-") as folder:
        files = [Path(folder) / str(index) for index in range(len(table))]
        _write_photos(table["image"].tolist(), files)
        _check_pixels(files)
        return [_decode(index, file, params) for index, file in enumerate(files)]


def _choose_batch(photos: list[Photo]) -> int:
    """Choose how many photos go together, by the largest, as the detector sees it."""
    pixels = max(height * width for height, width in (photo.size for photo in photos))
    return max(_BATCH, min(_LARGEST_BATCH, _BATCH_PIXELS // pixels))


def _write_photos(cells: list[Any], files: list[Path]) -> None:
    total = 0
    for index, (cell, file) in enumerate(zip(cells, files, strict=True)):
        with _naming(index):
            total += file.write_bytes(to_bytes(cell, MOST_BYTES))
        if total > MOST_BYTES_IN_ALL:
            raise _refuse(f"the first {index + 1} photos have {total} bytes, more than {MOST_BYTES_IN_ALL} {_IN_PARTS}")


def _check_pixels(files: list[Path]) -> None:
    total = 0
    for index, file in enumerate(files):
        with _naming(index):
            size = measure_photo(file, MOST_PIXELS)
        total += size.width * size.height
        if total > MOST_PIXELS_IN_ALL:
            raise _refuse(
                f"the first {index + 1} photos have {total} pixels, more than {MOST_PIXELS_IN_ALL} {_IN_PARTS}"
            )


def _decode(index: int, file: Path, params: DetectorParams) -> Photo:
    from triptych.shelf.model.prediction import prepare_photo

    with _naming(index):
        return prepare_photo(file, index, params, MOST_PIXELS)


@contextmanager
def _naming(index: int) -> Iterator[None]:
    """Say of a photo that is refused which it is."""
    try:
        yield
    except (ImageError, PhotoError) as error:
        raise _refuse(f"image {index}: {error}") from error


def _refuse(message: str) -> MlflowException:
    error: MlflowException = MlflowException.invalid_parameter_value(message)
    return error
