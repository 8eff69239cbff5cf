"""The nodes that the searches for faq's settings have of their own."""

import pandas as pd

from triptych.faq.params import RankerParams, RankerSearchParams, ReferenceParams, ReferenceSearchParams
from triptych.faq.ranking.feature_file import Features
from triptych.faq.trials import RankerTrial, ReferenceTrial
from triptych.tuning.nodes import Place, take_share
from triptych.tuning.trials import Trial, TrialBatch


def run_ranker_trials(
    search: RankerSearchParams,
    features: Features,
    ranker: RankerParams,
    *before: list[Trial],
    place: Place,
) -> TrialBatch:
    """Train this node's share of a rung's configurations of the ranker."""
    trial = RankerTrial(features, ranker)
    return take_share(search, place, before, trial.data, trial.train, trial.settings)


def run_reference_trials(
    search: ReferenceSearchParams,
    questions: pd.DataFrame,
    roles: pd.DataFrame,
    features: Features,
    reference: ReferenceParams,
    *before: list[Trial],
    place: Place,
) -> TrialBatch:
    """Train this node's share of a rung's configurations of the reference's method."""
    trial = ReferenceTrial(questions, roles, features, reference)
    return take_share(search, place, before, trial.data, trial.train, trial.settings)
