"""Find the objects on a folder of new photos: ranks score them, and one process collects what they found."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from triptych.shelf.evaluation.counts import believe
from triptych.shelf.model.files import read_labels
from triptych.shelf.params import ScoringParams
from triptych.shelf.scoring.chunks import Outcomes, share_chunks
from triptych.shelf.scoring.drawings import Drawings
from triptych.shelf.scoring.scored_photos import NewPhoto, Result, ScoredPhotos
from triptych.storage.folder import Folder

Scores = tuple[list[dict[str, Any]], pd.DataFrame, pd.DataFrame, Folder]
_logger = logging.getLogger(__name__)


def score_folder(model: Path, new_photos: Path, scored: Path, scoring: ScoringParams) -> Scores:
    """Find the objects on all photos of a folder and those below it, in this process alone; see `collect_scores`."""
    from triptych.shelf.scoring.ranks import score_as_rank

    return collect_scores(model, new_photos, scored, score_as_rank(model, new_photos, scored, scoring), scoring)


def collect_scores(
    model: Path, new_photos: Path, scored: Path, report: dict[str, Any], scoring: ScoringParams
) -> Scores:
    """Put together what ranks found on a folder of photos, and draw it.

    Results hold all that the model gives, so that another score threshold costs nothing but new pictures; those are
    kept too.

    Args:
        model: The detector's folder.
        new_photos: The photos.
        scored: Where results are kept.
        report: What `score_as_rank` gave on any rank.
        scoring: Which detections to believe, and whether to draw them.

    Returns:
        Detections in COCO's results format with `file_name` and the category's name besides; a row a photo with
        `image_id` (from 1, in the order of the names), `file_name`, `width`, `height`, `detections`, and
        `detections.<category>` where there are several; `file` and `reason` of what could not be read; overlays.

    Raises:
        RuntimeError: If photos were not scored, as where a rank died.
    """
    store, outcomes = ScoredPhotos(scored, model), Outcomes(scored, report["job"])
    photos, rejected = _list_photos(new_photos, outcomes, report)
    stored = {photo.digest: store.load(photo.digest) for photo in photos}
    lost = [photo.name for photo in photos if stored[photo.digest] is None]
    if lost:
        _complain(lost)
    known = {key: result for key, result in stored.items() if result is not None}
    categories, threshold = read_labels(model)
    detections, counts = _tabulate(categories, photos, known, scoring.score_threshold or threshold)
    overlays = _draw_all(photos, detections, counts, dict(enumerate(categories, start=1)), store, scoring)
    if rejected:
        _logger.warning("%d photos could not be read, such as %s: %s", len(rejected), *next(iter(rejected.items())))
    table = pd.DataFrame(sorted(rejected.items()), columns=["file", "reason"], dtype=object)
    outcomes.drop()
    return detections, counts, table, overlays


def _list_photos(new_photos: Path, outcomes: Outcomes, report: dict[str, Any]) -> tuple[list[NewPhoto], dict[str, str]]:
    """Give the photos whose result is kept, in order, and why the others could not be used."""
    digests: dict[str, str] = {}
    rejected: dict[str, str] = dict(report["rejected"])
    lost: list[str] = []
    outcomes.fetch()
    for chunk in (chunk for share in share_chunks(report["photos"], report["ranks"]) for chunk in share):
        outcome = outcomes.find(chunk)
        if outcome is None:
            lost += chunk.names
            continue
        digests |= outcome.digests
        rejected |= outcome.rejected
    if lost:
        _complain(lost)
    photos = [NewPhoto(name, new_photos / name, digests[name]) for name in report["photos"] if name in digests]
    return photos, rejected


def _complain(lost: list[str]) -> None:
    raise RuntimeError(
        f"{len(lost)} photos were not scored, such as {lost[0]}: a process that shared them has ended early. What was "
        "found is kept: run the same again, and only these are looked at"
    )


def _tabulate(
    categories: tuple[str, ...], photos: list[NewPhoto], known: dict[str, Result], threshold: float
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    detections, rows = [], []
    for number, photo in enumerate(photos, start=1):
        result = known[photo.digest]
        believed = believe(result.detections, threshold)
        names = [categories[item["category_id"] - 1] for item in believed]
        for item, name in zip(believed, names, strict=True):
            detections.append({**item, "image_id": number, "file_name": photo.name, "category": name})
        counts = {f"detections.{name}": names.count(name) for name in categories}
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
    if drawings.left_out:
        reason = "%d photos are not drawn, as they have changed since they were scored, such as %s: %s"
        _logger.warning(reason, len(drawings.left_out), *next(iter(drawings.left_out.items())))
    return folder
