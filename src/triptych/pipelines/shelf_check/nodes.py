"""The node that looks at annotated photos without training."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from triptych.shelf.params import CheckParams, DetectorParams, SplitParams, TrainingParams


def check_photos(
    photos: Path,
    annotations: dict[str, Any],
    roles: pd.DataFrame,
    quarantine: pd.DataFrame,
    data_report: dict[str, Any],
    split: SplitParams,
    detector: DetectorParams,
    training: TrainingParams,
    check: CheckParams,
) -> tuple[dict[str, Any], pd.DataFrame, NDArray[np.uint8], go.Figure]:
    """Count and measure photos and objects, list what looks wrong, and suggest settings.

    Args:
        photos: The ingested photos.
        annotations: Their annotations.
        roles: Their roles.
        quarantine: What was put aside.
        data_report: Of the ingest.
        split: What makes photos near duplicates.
        detector: The model that would be trained.
        training: How it would be.
        check: What is suspicious.

    Returns:
        A report, a row for each finding, a sheet of suspicious photos, and a plot of sizes.
    """
    from triptych.shelf.checking.checking import check_annotated
    from triptych.shelf.checking.plots import plot_sizes
    from triptych.shelf.training.presets import apply_preset

    detector, training = apply_preset(detector, training)
    found = check_annotated(photos, annotations, roles, quarantine, data_report, split, detector, training, check)
    return found.report, found.findings, found.sheet, plot_sizes(annotations, found.sides, found.detector)
