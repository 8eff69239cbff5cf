"""The node that the search for shelf's settings has of its own."""

from pathlib import Path
from typing import Any

import pandas as pd

from triptych.shelf.params import DetectorParams, DetectorSearchParams, TrainingParams
from triptych.tuning.nodes import Place, take_share
from triptych.tuning.trials import Trial, TrialBatch


def run_detector_trials(
    search: DetectorSearchParams,
    photos: Path,
    annotations: dict[str, Any],
    roles: pd.DataFrame,
    detector: DetectorParams,
    training: TrainingParams,
    *before: list[Trial],
    place: Place,
) -> TrialBatch:
    """Train this node's share of a rung's configurations, each scored on the validation photos."""
    from triptych.shelf.training.trials import DetectorTrial

    trial = DetectorTrial(photos, annotations, roles, detector, training)
    return take_share(search, place, before, trial.data, trial.train, trial.settings)
