"""Look at annotated photos before anything is trained on them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from triptych.shelf.checking.findings import MEANINGS, Finding, find_suspicious, list_groups
from triptych.shelf.checking.sheet import draw_sheet
from triptych.shelf.data.dataset import PhotoSet, locate_photo
from triptych.shelf.data.splitting import hash_photos
from triptych.shelf.evaluation.overlays import Picture
from triptych.shelf.model.preprocessing import scale_box
from triptych.shelf.params import CheckParams, DetectorParams, SplitParams, TrainingParams
from triptych.shelf.preparation.fitting import fit_detector

_logger = logging.getLogger(__name__)
_QUANTILES = {"least": 0.0, "5 %": 0.05, "median": 0.5, "95 %": 0.95, "most": 1.0}
_MOST_SIZES = 10
_SETTINGS = ("min_size_px", "max_size_px", "anchor_sizes", "aspect_ratios")


class Check(NamedTuple):
    """What came of it.

    Attributes:
        report: Counts, sizes, findings by kind, suggested settings; in plain JSON types.
        findings: A row (`file`, `kind`, `detail`) for each, the worst kinds first; what was put aside last.
        sheet: Suspicious photos with their boxes, RGB.
        sides: `width` and `height` of each object as the detector sees it.
        detector: The settings with what is suggested.
    """

    report: dict[str, Any]
    findings: pd.DataFrame
    sheet: Picture
    sides: pd.DataFrame
    detector: DetectorParams


def check_annotated(
    photos: Path,
    annotations: dict[str, Any],
    roles: pd.DataFrame,
    quarantine: pd.DataFrame,
    data_report: dict[str, Any],
    split: SplitParams,
    detector: DetectorParams,
    training: TrainingParams,
    check: CheckParams,
) -> Check:
    """Count and measure photos and objects, and list what looks wrong.

    Args:
        photos: The ingested photos.
        annotations: Their annotations, in COCO's format.
        roles: Columns `image_id`, `role`.
        quarantine: What was put aside: `file`, `kind`, `reason`.
        data_report: Of the ingest.
        split: What makes photos near duplicates.
        detector: The settings that would be trained with.
        training: How; decides on the size where `detector` leaves it to the data.
        check: What is suspicious.
    """
    images = annotations["images"]
    detector = _settle(photos, annotations, roles, detector, training)
    hashes = hash_photos([locate_photo(photos, image) for image in images])
    role_of = dict(zip(roles["image_id"].tolist(), roles["role"].tolist(), strict=True))
    groups = list_groups(hashes, max(split.duplicate_distance, 0))
    found = find_suspicious(annotations, hashes, role_of, groups, detector, check)
    sides = _measure(annotations, detector)
    report = {
        **_count(annotations, roles),
        "object_px": _spread(np.array([min(item["bbox"][2:]) for item in annotations["annotations"]])),
        "object_px_as_seen": _spread(sides.min(axis=1).to_numpy()),
        "near_identical_photos": sum(map(len, groups)),
        "findings": {kind: count for kind in MEANINGS if (count := sum(item.kind == kind for item in found))},
        "meaning": MEANINGS,
        "clipped_boxes": data_report["clipped_boxes"],
        "refused_objects": data_report["refused_objects"],
        "quarantine": data_report["quarantine"],
        "settings": {name: getattr(detector, name) for name in _SETTINGS},
    }
    _log(report)
    sheet = draw_sheet(photos, annotations, found, check.sheet_photos)
    return Check(report, _tabulate(found, images, quarantine), sheet, sides, detector)


def _settle(
    photos: Path, annotations: dict[str, Any], roles: pd.DataFrame, detector: DetectorParams, training: TrainingParams
) -> DetectorParams:
    """Take from the training photos what a training would; from all where those have no object, if there is any."""
    ids = [roles.loc[roles["role"] == "train", "image_id"].tolist(), roles["image_id"].tolist()]
    for chosen in ids:
        learnt = PhotoSet.select(photos, annotations, chosen)
        if any(learnt.objects):
            return fit_detector(detector, training, learnt)[0]
    return detector


def _measure(annotations: dict[str, Any], detector: DetectorParams) -> pd.DataFrame:
    images = {image["id"]: image for image in annotations["images"]}
    sides = [scale_box(item["bbox"], images[item["image_id"]], detector) for item in annotations["annotations"]]
    return pd.DataFrame(sides, columns=["width", "height"], dtype=np.float64)


def _count(annotations: dict[str, Any], roles: pd.DataFrame) -> dict[str, Any]:
    images, objects = annotations["images"], annotations["annotations"]
    names = {category["id"]: category["name"] for category in annotations["categories"]}
    per_photo = Counter(item["image_id"] for item in objects)
    sizes = Counter(f"{image['width']} x {image['height']}" for image in images)
    return {
        "photos": len(images),
        "photos_with_objects": len(per_photo),
        "photos_without_objects": len(images) - len(per_photo),
        "objects": len(objects),
        "objects_with_masks": sum("segmentation" in item for item in objects),
        "objects_by_category": dict(Counter(names[item["category_id"]] for item in objects).most_common()),
        "objects_per_photo": _spread(np.array([per_photo[image["id"]] for image in images])),
        "photo_sizes": dict(sizes.most_common(_MOST_SIZES)),
        "photo_shorter_px": _spread(np.array([min(image["width"], image["height"]) for image in images])),
        "splits_given": dict(Counter(image["split"] for image in images if "split" in image)),
        "roles": dict(Counter(roles["role"].tolist())),
    }


def _spread(values: Any) -> dict[str, float]:
    """Describe numbers by quantiles."""
    if not len(values):
        return {}
    return {name: round(float(np.quantile(values, share)), 1) for name, share in _QUANTILES.items()}


def _tabulate(found: Sequence[Finding], images: list[dict[str, Any]], quarantine: pd.DataFrame) -> pd.DataFrame:
    sources = {image["id"]: image.get("source") or image["file_name"] for image in images}
    rows = [(sources[finding.image], finding.kind, finding.detail) for finding in found]
    table = pd.DataFrame(rows, columns=["file", "kind", "detail"], dtype=object)
    aside = quarantine.rename(columns={"reason": "detail"})[["file", "kind", "detail"]]
    return pd.concat([table, aside], ignore_index=True) if len(aside) else table


def _log(report: dict[str, Any]) -> None:
    _logger.info(
        "%d photos with %d objects, whose shorter side is %s pixels in the median and %s when the detector sees them",
        report["photos"],
        report["objects"],
        report["object_px"].get("median"),
        report["object_px_as_seen"].get("median"),
    )
    for kind, count in report["findings"].items():
        _logger.log(logging.INFO if kind == "no_objects" else logging.WARNING, "%d findings: %s", count, MEANINGS[kind])
