"""The nodes that the search for faq's settings has of its own."""

import pandas as pd

from triptych.faq.params import (
    RankerParams,
    ReferenceParams,
)
from triptych.faq.trials import RankerTrial, ReferenceTrial
from triptych.tuning.trials import Trial, run_trial


def run_ranker_trial(trial: Trial, features: pd.DataFrame, ranker: RankerParams) -> Trial:
    """Train one configuration of the ranker up to its budget."""
    return run_trial(trial, RankerTrial(features, ranker).train)


def run_reference_trial(
    trial: Trial, questions: pd.DataFrame, roles: pd.DataFrame, features: pd.DataFrame, reference: ReferenceParams
) -> Trial:
    """Train one configuration of the reference's method up to its budget."""
    return run_trial(trial, ReferenceTrial(questions, roles, features, reference).train)
