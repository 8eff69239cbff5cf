"""Put the detector and its model card together for the registry."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from triptych.registry import ModelRegistry, NewVersion
from triptych.registry.provenance import fingerprint_tables, fingerprint_texts, flatten_parameters, tag_version
from triptych.shelf.data.dataset import locate_photo
from triptych.shelf.evaluation.promotion import PROVENANCE_FILE, decide_promotion, describe_provenance, hash_photos
from triptych.shelf.model.files import load_model
from triptych.shelf.params import EvaluationParams, RegistrationParams

if TYPE_CHECKING:
    import plotly.graph_objects as go

TRAINING_FILE = "training.json"
_SHOWN = ("test.box.map", "test.box.map_50", "test.mask.map", "test.mask.map_50")


def make_new_version(
    photos: Path,
    annotations: dict[str, Any],
    roles: pd.DataFrame,
    model: Path,
    training_report: dict[str, Any],
    detections: list[dict[str, Any]],
    metrics: dict[str, float],
    counts: pd.DataFrame,
    precision_recall_plot: go.Figure,
    overlay_sheet: NDArray[np.uint8],
    model_registry: ModelRegistry,
    registration: RegistrationParams,
    evaluation: EvaluationParams,
    save: Callable[[Path, Path, Path], None],
) -> NewVersion:
    """Put a detector together with its model card, and decide whether it takes the promoted version's place.

    Args:
        photos: The ingested photos.
        annotations: Their annotations.
        roles: Their roles.
        model: The detector's folder.
        training_report: How it was trained.
        detections: What it found on the test photos.
        metrics: Of the test photos.
        counts: Of the test photos.
        precision_recall_plot: Of the test photos.
        overlay_sheet: RGB, height x width x 3.
        model_registry: Where the promoted version is.
        registration: Name, and when a version is promoted.
        evaluation: How the two are compared.
        save: Writes a detector in the registry's format: its folder, a photo as example, where to.

    Returns:
        What the dataset registers.
    """
    promoted = model_registry.find_promoted(registration.name)
    hashes = hash_photos(photos, annotations["images"])  # once: there may be many gigabytes
    provenance = describe_provenance(hashes, roles)
    settings = load_model(model).params.model_dump()
    return NewVersion(
        name=registration.name,
        write=partial(save, model, pick_example(photos, annotations, roles)),
        report=write_report(metrics, counts, precision_recall_plot, overlay_sheet)
        | {TRAINING_FILE: json.dumps(training_report, indent=1), PROVENANCE_FILE: json.dumps(provenance)},
        metrics={f"shelf.{name}": value for name, value in metrics.items()},
        parameters=flatten_parameters("shelf", registration=registration, evaluation=evaluation)
        | {f"shelf.model.{name}": value for name, value in settings.items()},
        tags=tag_version(
            fingerprint_data(hashes, annotations, roles), {name: metrics[name] for name in _SHOWN if name in metrics}
        ),
        decision=decide_promotion(photos, annotations, roles, hashes, detections, promoted, registration, evaluation),
    )


def fingerprint_data(hashes: dict[int, str], annotations: dict[str, Any], roles: pd.DataFrame) -> str:
    """Hash the hashes of photos, annotations and roles."""
    return fingerprint_texts([*hashes.values(), json.dumps(annotations, sort_keys=True), fingerprint_tables([roles])])


def pick_example(photos: Path, annotations: dict[str, Any], roles: pd.DataFrame) -> Path:
    """Take a test photo with objects, if there is one, as the model's input example."""
    objects = {item["image_id"] for item in annotations["annotations"]}
    tested = set(roles.loc[roles["role"] == "test", "image_id"])
    order = sorted(annotations["images"], key=lambda image: (image["id"] not in tested, image["id"] not in objects))
    return locate_photo(photos, order[0])


def write_report(
    metrics: dict[str, float], counts: pd.DataFrame, precision_recall: go.Figure, overlay_sheet: NDArray[np.uint8]
) -> dict[str, str | bytes]:
    """Write the evaluation as files: text or bytes by name."""
    sheet = io.BytesIO()
    Image.fromarray(overlay_sheet).save(sheet, format="PNG")
    return {
        "metrics.json": json.dumps(metrics, indent=1),
        "counts.csv": counts.to_csv(index=False),
        # With plotly's script inside: MLflow shows it, and no request goes anywhere.
        "precision_recall.html": precision_recall.to_html(include_plotlyjs=True),
        "overlays.png": sheet.getvalue(),
    }
