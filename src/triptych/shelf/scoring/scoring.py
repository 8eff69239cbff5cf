"""Find the objects on a folder of new photos."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from tqdm import tqdm

from triptych.parallel import threaded_map
from triptych.shelf.data.photo_files import PhotoError
from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.raw_folder import find_files
from triptych.shelf.evaluation.counts import believe
from triptych.shelf.model.files import load_detector
from triptych.shelf.params import ScoringParams
from triptych.shelf.scoring.drawings import Drawings
from triptych.shelf.scoring.scored_photos import NewPhoto, Result, ScoredPhotos
from triptych.storage.folder import Folder
from triptych.storage.local_files import hash_file

if TYPE_CHECKING:
    from triptych.shelf.model.files import LoadedDetector
    from triptych.shelf.model.prediction import Photo

_logger = logging.getLogger(__name__)


def score_folder(
    model: Path, new_photos: Path, scored: Path, scoring: ScoringParams
) -> tuple[list[dict[str, Any]], pd.DataFrame, pd.DataFrame, Folder]:
    """Find the objects on all photos of a folder and those below it.

    The result of each photo is kept in `scored` as soon as it is there, under the contents of photo and model; what
    is there already is not computed again. It holds all that the model gives, so that another score threshold costs
    nothing but new pictures; those are kept too.

    Args:
        model: The detector's folder.
        new_photos: The photos.
        scored: Where results are kept.
        scoring: Which detections to believe, and whether to draw them.

    Returns:
        Detections in COCO's results format with `file_name` and the category's name besides; a row a photo with
        `image_id` (from 1, in the order of the names), `file_name`, `width`, `height`, `detections`, and
        `detections.<category>` where there are several; `file` and `reason` of what could not be read; overlays.

    Raises:
        ValueError: If there are no photos.
    """
    rejected: dict[str, str] = {}
    names = _find_photos(new_photos, rejected)
    detector, store = load_detector(model), ScoredPhotos(scored, model)
    photos = [photo for name in names if (photo := _hash_photo(new_photos, name, rejected))]
    stored = {photo.digest: store.load(photo.digest) for photo in photos}
    # One that was scored when larger photos were allowed is read again, to be rejected.
    known = {key: result for key, result in stored.items() if result and result.pixels <= scoring.max_pixels}
    missing = {photo.digest: photo for photo in photos if photo.digest not in known}
    _logger.info("%d photos, %d of them scored before", len(photos), len(photos) - len(missing))
    found = _detect(detector, list(missing.values()), scoring, rejected)
    # No bar (disable=None) where nobody watches, as in the log of a cluster.
    for photo, result in tqdm(found, desc="detecting", unit="photo", total=len(missing), disable=None):
        store.save(photo.digest, result)
        known[photo.digest] = result
    # The same photo under another name is rejected for the same reason.
    reasons = {photo.digest: rejected[photo.name] for photo in missing.values() if photo.name in rejected}
    rejected |= {photo.name: reasons[photo.digest] for photo in photos if photo.digest in reasons}
    detections, counts = _tabulate(detector, photos, known, scoring)
    overlays = _draw_all(photos, detections, counts, dict(enumerate(detector.categories, start=1)), store, scoring)
    if rejected:
        _logger.warning("%d photos could not be read, such as %s: %s", len(rejected), *next(iter(rejected.items())))
    table = pd.DataFrame(sorted(rejected.items()), columns=["file", "reason"], dtype=object)
    return detections, counts, table, overlays


def _find_photos(folder: Path, rejected: dict[str, str]) -> list[str]:
    quarantine = Quarantine()
    names = find_files(folder, quarantine).photos
    rejected.update({file: reason for file, _, reason in quarantine.rows})
    if not names:
        raise ValueError(f"{folder} holds no photos (.jpg, .png and so on): put some there, or name another folder")
    return names


def _hash_photo(folder: Path, name: str, rejected: dict[str, str]) -> NewPhoto | None:
    try:
        return NewPhoto(name, folder / name, hash_file(folder / name))
    except OSError as error:
        rejected[name] = f"cannot be opened: {error.strerror or error}"
        return None


def _detect(
    detector: LoadedDetector, photos: list[NewPhoto], scoring: ScoringParams, rejected: dict[str, str]
) -> Iterator[tuple[NewPhoto, Result]]:
    """Run the detector; photos that cannot be read go to `rejected`."""
    from triptych.shelf.model.prediction import LOOK_AHEAD, count_readers, predict_prepared, prepare_photo

    def read(photo: NewPhoto) -> Photo | PhotoError:
        try:
            return prepare_photo(photo.path, 0, detector.params, scoring.max_pixels)
        except PhotoError as error:
            return error

    waiting: deque[tuple[NewPhoto, Photo]] = deque()

    def pass_good(readings: Iterable[Photo | PhotoError]) -> Iterator[Photo]:
        for photo, prepared in zip(photos, readings, strict=True):
            if isinstance(prepared, PhotoError):
                rejected[photo.name] = str(prepared)
                continue
            waiting.append((photo, prepared))
            yield prepared

    readings = threaded_map(read, photos, count_readers(), scoring.batch_size * LOOK_AHEAD)
    with closing(readings):
        for found in predict_prepared(detector, pass_good(readings), scoring.batch_size, "auto"):
            photo, prepared = waiting.popleft()
            yield photo, Result(prepared.whole[1], prepared.whole[0], found)


def _tabulate(
    detector: LoadedDetector, photos: list[NewPhoto], known: dict[str, Result], scoring: ScoringParams
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    threshold = scoring.score_threshold or detector.score_threshold
    detections, rows = [], []
    for number, photo in enumerate((photo for photo in photos if photo.digest in known), start=1):
        result = known[photo.digest]
        believed = believe(result.detections, threshold)
        names = [detector.categories[item["category_id"] - 1] for item in believed]
        for item, name in zip(believed, names, strict=True):
            detections.append({**item, "image_id": number, "file_name": photo.name, "category": name})
        counts = {f"detections.{name}": names.count(name) for name in detector.categories}
        row = {"image_id": number, "file_name": photo.name, "width": result.width, "height": result.height}
        rows.append({**row, "detections": len(names), **(counts if len(counts) > 1 else {})})
    columns = ["image_id", "file_name", "width", "height", "detections"]
    return detections, pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)


def _draw_all(
    photos: list[NewPhoto],
    detections: list[dict[str, Any]],
    counts: pd.DataFrame,
    names: dict[int, str],
    store: ScoredPhotos,
    scoring: ScoringParams,
) -> Folder:
    """Put a picture of each photo into a folder; only what has not been drawn before is drawn."""
    folder = Folder.create("overlays")
    if not scoring.overlays:
        return folder
    found: dict[str, list[dict[str, Any]]] = {str(name): [] for name in counts["file_name"]}
    for item in detections:
        found[item["file_name"]].append(item)
    drawings = Drawings(folder.path, store, scoring.max_pixels)
    shown = [photo for photo in photos if photo.name in found]
    for photo in tqdm(shown, desc="drawing", unit="photo", disable=None):
        drawings.add(photo, found[photo.name], names)
    return folder
