"""Decide whether a new detector takes the place of the promoted one."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from triptych.parallel import count_cores
from triptych.registry import Decision, PromotedModel, UnreadableVersionError
from triptych.registry.provenance import fingerprint_texts
from triptych.shelf.data.dataset import locate_photo, select_photos, select_role
from triptych.shelf.evaluation.detections import detect_objects, match_categories
from triptych.shelf.evaluation.resampling import compare_precision
from triptych.shelf.model.files import load_detector
from triptych.shelf.params import EvaluationParams, RegistrationParams
from triptych.storage.local_files import hash_file

if TYPE_CHECKING:
    from triptych.shelf.evaluation.resampling import Gain
    from triptych.shelf.model.files import LoadedDetector

DETECTOR_FOLDER = "artifacts/detector"
PROVENANCE_FILE = "provenance.json"


def describe_provenance(hashes: dict[int, str], roles: pd.DataFrame) -> dict[str, Any]:
    """Note what a later version has to know to be compared fairly.

    Args:
        hashes: Of the photos' files, by image id.
        roles: Of the photos.

    Returns:
        `trained_on` (hashes of the files of the photos that the detector learned or was chosen from), and
        `test_fingerprint`; JSON-able.
    """
    chosen = {role: [hashes[photo] for photo in rows["image_id"]] for role, rows in roles.groupby("role")}
    return {
        "trained_on": sorted([*chosen.get("train", []), *chosen.get("validation", [])]),
        "test_fingerprint": fingerprint_texts(chosen.get("test", [])),
    }


def hash_photos(photos: Path, images: Iterable[dict[str, Any]]) -> dict[int, str]:
    """Hash the files of photos, by image id; in several threads, as reading and hashing leave Python's lock."""
    paths = {int(image["id"]): locate_photo(photos, image) for image in images}
    with ThreadPoolExecutor(count_cores()) as pool:
        return dict(zip(paths, pool.map(hash_file, paths.values()), strict=True))


def decide_promotion(
    photos: Path,
    annotations: dict[str, Any],
    roles: pd.DataFrame,
    hashes: dict[int, str],
    detections: list[dict[str, Any]],
    promoted: PromotedModel | None,
    registration: RegistrationParams,
    evaluation: EvaluationParams,
) -> Decision:
    """Compare a detector with the promoted one on the same test photos.

    Photos that the promoted one learned from are left out: they would favour it.

    Args:
        photos: The ingested photos.
        annotations: Their annotations.
        roles: Their roles.
        hashes: Of the photos' files, by image id.
        detections: What the new detector found on the test photos.
        promoted: The promoted version; None if there is none.
        registration: The metric, and the advantage it takes.
        evaluation: Photos a step, resamples and seed of the bootstrap.
    """
    if promoted is None:
        return Decision(True, "no version was promoted yet")
    version = promoted.version
    tested = select_role(annotations, roles, "test")
    try:
        provenance = json.loads(promoted.read_text(f"report/{PROVENANCE_FILE}"))
        learned, test_fingerprint = set(provenance["trained_on"]), str(provenance["test_fingerprint"])
        current = _load_promoted(promoted)
        match_categories(current.categories, tested["categories"])
    except (UnreadableVersionError, ValueError, KeyError, TypeError) as error:
        reason = f"version {version} could not be compared with, promote by hand if this one is better: {error}"
        return Decision(False, reason, version)
    own_hashes = {image["id"]: hashes[image["id"]] for image in tested["images"]}
    fair = select_photos(tested, [photo for photo, digest in own_hashes.items() if digest not in learned])
    left_out = len(tested["images"]) - len(fair["images"])
    if not any(not item.get("iscrowd", 0) for item in fair["annotations"]):
        known = f"; {left_out} photos left out that it was trained on" if left_out else ""
        return Decision(False, f"no test photo with objects to compare with version {version} on{known}", version)
    judged = {image["id"] for image in fair["images"]}
    own = [item for item in detections if item["image_id"] in judged]
    other = detect_objects(current, photos, fair, evaluation.batch_size)
    gain = compare_precision(fair, own, other, registration.metric, evaluation.bootstrap_samples, evaluation.seed)
    figures = {
        **_name_figures(gain, registration),
        "test_photos": len(fair["images"]),
        "left_out_photos": left_out,
        "same_test_set": fingerprint_texts(own_hashes.values()) == test_fingerprint,
    }
    return _conclude(version, figures)


def _load_promoted(promoted: PromotedModel) -> LoadedDetector:
    with tempfile.TemporaryDirectory(prefix="triptych-promoted-") as folder:
        files = promoted.download(DETECTOR_FOLDER, Path(folder))
        try:
            return load_detector(files)
        except Exception as error:  # whatever torch raises on a damaged or foreign file
            cause = " ".join(str(error).split()) or type(error).__name__
            raise UnreadableVersionError(f"{promoted.uri}/{DETECTOR_FOLDER} cannot be loaded: {cause}") from error


def _name_figures(gain: Gain, registration: RegistrationParams) -> dict[str, Any]:
    return {
        "metric": registration.metric,
        "value": gain.value,
        "current_value": gain.other_value,
        "difference": gain.difference,
        "low": gain.low,
        "high": gain.high,
        "min_advantage": registration.min_advantage,
    }


def _conclude(version: int, figures: dict[str, Any]) -> Decision:
    better = figures["low"] > figures["min_advantage"]
    reason = (
        f"{figures['metric']} {figures['value']:.3f} against {figures['current_value']:.3f} of version {version} "
        f"on {figures['test_photos']} test photos: {figures['difference']:+.3f}, 95 % interval "
        f"{figures['low']:+.3f} to {figures['high']:+.3f}, "
        f"{'above' if better else 'not all above'} {figures['min_advantage']:g}"
    )
    if figures["left_out_photos"]:
        reason += f"; {figures['left_out_photos']} photos left out that version {version} was trained on"
    if not figures["same_test_set"]:
        reason += f"; version {version} had another test set"
    return Decision(better, reason, version, figures)
