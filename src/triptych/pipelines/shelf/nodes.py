"""The nodes of the shelf workload."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from kedro_azureml.distributed import distributed_job
from kedro_azureml.distributed.config import Framework
from numpy.typing import NDArray

from triptych.registry import ModelRegistry, NewVersion
from triptych.shelf.params import (
    DetectorParams,
    EvaluationParams,
    IngestParams,
    RegistrationParams,
    SplitParams,
    TrainingParams,
)
from triptych.storage.folder import Folder


def ingest_photos(raw: Path, ingest: IngestParams) -> tuple[Folder, dict[str, Any], pd.DataFrame, dict[str, Any]]:
    """Read photos and annotations in any of the formats, and put aside what cannot be used.

    Args:
        raw: Folder with photos and annotations.
        ingest: What to read.

    Returns:
        Upright 8-bit RGB photos, annotations in COCO's format, a row for everything put aside, and a report.
    """
    from triptych.shelf.data.ingest import ingest_folder

    photos = Folder.create("photos")
    return photos, *ingest_folder(raw, ingest, photos.path)


def split_photos(photos: Path, annotations: dict[str, Any], split: SplitParams) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Divide the photos into training, validation and test; photos of the same source stay together.

    Returns:
        The role of every photo, and a report.
    """
    from triptych.shelf.data.splitting import split_photos_by_source

    return split_photos_by_source(photos, annotations, split)


def draw_training_batch(
    photos: Path,
    annotations: dict[str, Any],
    roles: pd.DataFrame,
    detector: DetectorParams,
    training: TrainingParams,
    best: dict[str, Any],
) -> NDArray[np.uint8]:
    """Draw the first photos as the detector will see them: varied, scaled, with their boxes and masks.

    Args:
        photos: The ingested photos.
        annotations: Their annotations.
        roles: Their roles.
        detector: The model.
        training: How it is trained.
        best: What `shelf_tune` found, empty if it never ran.

    Returns:
        RGB.
    """
    from triptych.shelf.preparation.batch_picture import draw_first_batches
    from triptych.shelf.training.trials import tune_detector

    detector, training = tune_detector(detector, training, best, annotations, roles)
    return draw_first_batches(photos, annotations, roles, detector, training)


@distributed_job(  # type: ignore[untyped-decorator]
    Framework.PyTorch,
    num_nodes="params:training.num_nodes",
    processes_per_node="params:training.processes_per_node",
)
def train_detector(
    photos: Path,
    annotations: dict[str, Any],
    roles: pd.DataFrame,
    checkpoints: Path,
    detector: DetectorParams,
    training: TrainingParams,
    best: dict[str, Any],
) -> tuple[Folder, pd.DataFrame, dict[str, Any], go.Figure]:
    """Train the detector on one process, or on all ranks of a distributed job.

    Args:
        photos: The ingested photos.
        annotations: Their annotations.
        roles: Their roles; test photos are not touched.
        checkpoints: Where an interrupted training finds what it needs to go on.
        detector: The model.
        training: How it is trained.
        best: What `shelf_tune` found, empty if it never ran; goes before settings that are not set explicitly.

    Returns:
        The model of the best epoch, a row for each epoch, a report, and a plot of the epochs.
    """
    from triptych.shelf.evaluation.plots import plot_training
    from triptych.shelf.training.training import train
    from triptych.shelf.training.trials import tune_detector

    detector, training = tune_detector(detector, training, best, annotations, roles)
    model, log, report = train(photos, annotations, roles, checkpoints, detector, training)
    return model, log, report, plot_training(log)


def evaluate_detector(
    photos: Path,
    annotations: dict[str, Any],
    roles: pd.DataFrame,
    model: Path,
    training_report: dict[str, Any],
    evaluation: EvaluationParams,
) -> tuple[list[dict[str, Any]], dict[str, float], pd.DataFrame, go.Figure, Folder, NDArray[np.uint8]]:
    """Judge the detector on the test photos, which nothing else has looked at.

    Returns:
        Detections in COCO's results format, flat metrics, counts by photo, precision-recall curves, overlays of
        the photos with most mistakes, and a sheet of them.
    """
    from triptych.shelf.evaluation.evaluation import evaluate_on_test
    from triptych.shelf.evaluation.plots import plot_precision_recall

    results, metrics, counts, curves, overlays, sheet = evaluate_on_test(
        photos, annotations, roles, model, training_report, evaluation
    )
    return results, metrics, counts, plot_precision_recall(curves, metrics), overlays, sheet


def measure_reference_photos(
    photos: Path, annotations: dict[str, Any], roles: pd.DataFrame, model: Path, detections: list[dict[str, Any]]
) -> pd.DataFrame:
    """Measure the test photos and what was found on them, to be kept beside the detector: `shelf_drift` compares.

    Returns:
        A row a photo, a column a measure, and the number of the model.
    """
    from triptych.drift.versions import MODEL
    from triptych.shelf.model.files import number_detector
    from triptych.shelf.scoring.photo_measures import measure_test_photos

    measured = measure_test_photos(photos, annotations, roles, model, detections)
    return measured.assign(**{MODEL: number_detector(model)})


def register_detector(
    photos: Path,
    annotations: dict[str, Any],
    roles: pd.DataFrame,
    model: Path,
    drift_reference: pd.DataFrame,
    training_report: dict[str, Any],
    detections: list[dict[str, Any]],
    metrics: dict[str, float],
    counts: pd.DataFrame,
    precision_recall_plot: go.Figure,
    overlay_sheet: NDArray[np.uint8],
    model_registry: ModelRegistry,
    registration: RegistrationParams,
    evaluation: EvaluationParams,
) -> NewVersion:
    """Put the detector together with its model card, and decide whether it takes the promoted version's place.

    Returns:
        What the dataset registers.
    """
    from triptych.serving.shelf_export import save_shelf_model
    from triptych.shelf.evaluation.model_card import make_new_version

    return make_new_version(
        photos,
        annotations,
        roles,
        model,
        training_report,
        detections,
        metrics,
        counts,
        precision_recall_plot,
        overlay_sheet,
        model_registry,
        registration,
        evaluation,
        partial(save_shelf_model, drift_reference=drift_reference),
    )
