"""The node that the search for shelf's settings has of its own."""

from pathlib import Path
from typing import Any

import pandas as pd

from triptych.shelf.params import (
    DetectorParams,
    TrainingParams,
)
from triptych.tuning.trials import Trial, run_trial


def run_detector_trial(
    trial: Trial,
    photos: Path,
    annotations: dict[str, Any],
    roles: pd.DataFrame,
    detector: DetectorParams,
    training: TrainingParams,
) -> Trial:
    """Train one configuration up to its budget, and score it on the validation photos."""
    from triptych.shelf.training.trials import DetectorTrial

    return run_trial(trial, DetectorTrial(photos, annotations, roles, detector, training).train)
