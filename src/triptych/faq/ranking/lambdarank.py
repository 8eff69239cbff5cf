"""Train LightGBM's LambdaRank over similarity views, and score candidates with it.

LambdaRank is Burges, "From RankNet to LambdaRank to LambdaMART: an overview" (2010). Every feature grows with
similarity and the model is held to it (monotone constraints): trained on a few hundred questions, trees otherwise
learn which originals are asked about by their figures (docs/explanation/faq.md has what it is worth).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.params import RankerParams
from triptych.faq.ranking.features import find_features
from triptych.parallel import count_threads

if TYPE_CHECKING:
    import lightgbm as lgb


def train_booster(features: pd.DataFrame, params: RankerParams) -> lgb.Booster:
    """Find the number of rounds on the tuning questions, then train on training and tuning questions.

    Args:
        features: Rows of one fold with columns `role`, `query`, `label` and the features.
        params: LightGBM's settings.

    Returns:
        The model; the same data, parameters and seed give the same model.
    """
    # Imported in functions so that `kedro` starts without LightGBM.
    import lightgbm as lgb

    rounds = params.rounds
    if params.early_stopping_rounds and (features["role"] == "tune").any():
        rounds = find_rounds(features, params, params.rounds).rounds
    learn = features[features["role"].isin(["train", "tune"])]
    width = len(find_features(features.columns))
    return lgb.train(_lightgbm_params(params, width), make_groups(learn), num_boost_round=rounds)


def load_booster(text: str) -> lgb.Booster:
    """Restore a model from LightGBM's text format."""
    import lightgbm as lgb

    return lgb.Booster(model_str=text)


def score_candidates(model: lgb.Booster, features: pd.DataFrame, rounds: int | None = None) -> NDArray[np.float64]:
    """Score each row with the first `rounds` trees (None: all of them); higher is better."""
    values = features[find_features(features.columns)].to_numpy(np.float32)
    return np.asarray(model.predict(values, num_iteration=rounds or -1), dtype=np.float64)


def make_groups(features: pd.DataFrame) -> lgb.Dataset:
    """Hand rows to LightGBM as ranking groups, one a question; rows of a question must be together."""
    import lightgbm as lgb

    query = features["query"].to_numpy()
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    sizes = np.diff(np.append(starts, len(query)))
    values = features[find_features(features.columns)].to_numpy(np.float32)
    return lgb.Dataset(values, features["label"].to_numpy(), group=sizes, free_raw_data=False)


@dataclass(frozen=True)
class Boosting:
    """How far a boosting with an eye on the tuning questions has got."""

    model: lgb.Booster
    """The model with all of its rounds."""
    rounds: int
    """How many of them are best on the tuning questions."""
    score: float
    """NDCG@10 of the tuning questions with these."""


def find_rounds(features: pd.DataFrame, params: RankerParams, budget: int, before: Boosting | None = None) -> Boosting:
    """Train on the training questions, stopping early by the tuning questions.

    Args:
        features: Rows of one fold with columns `role`, `query`, `label` and the features.
        params: LightGBM's settings; `early_stopping_rounds` 0 uses up the budget.
        budget: Most rounds, those of `before` included.
        before: Boosting to go on from; one that has stopped early is given back as it is.
    """
    import lightgbm as lgb

    patience = _Patience(params.early_stopping_rounds, before)
    used = before.model.num_trees() if before else 0
    if before and (used >= budget or patience.is_over(used)):
        return before
    train, tune = (make_groups(features[features["role"] == role]) for role in ("train", "tune"))
    model = lgb.train(
        _lightgbm_params(params, len(find_features(features.columns))),
        train,
        budget - used,
        valid_sets=[tune],
        init_model=before.model if before else None,
        callbacks=[patience],
        keep_training_booster=True,  # it would be cut off after the best round, which is no place to go on from
    ).free_dataset()
    rounds = patience.best_round if params.early_stopping_rounds else model.num_trees()
    return Boosting(model, rounds, patience.best_score)


class _Patience:
    """LightGBM's early stopping, except that it remembers the rounds before a checkpoint."""

    before_iteration = False
    order = 30

    def __init__(self, patience: int, before: Boosting | None) -> None:
        self.patience = patience
        self.best_round, self.best_score = (before.rounds, before.score) if before else (0, -np.inf)

    def is_over(self, rounds: int) -> bool:
        return self.patience > 0 and rounds - self.best_round >= self.patience

    def __call__(self, env: Any) -> None:
        from lightgbm.callback import EarlyStopException

        score = env.evaluation_result_list[0][2]
        if score > self.best_score:
            self.best_round, self.best_score = env.iteration + 1, score
        elif self.is_over(env.iteration + 1):
            raise EarlyStopException(self.best_round - 1, env.evaluation_result_list)


def _lightgbm_params(params: RankerParams, features: int) -> dict[str, Any]:
    return {
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [10],
        "learning_rate": params.learning_rate,
        "num_leaves": params.num_leaves,
        "min_child_samples": params.min_child_samples,
        "feature_fraction": params.feature_fraction,
        "bagging_fraction": params.bagging_fraction,
        "bagging_freq": 1,
        "lambda_l2": params.lambda_l2,
        "lambdarank_truncation_level": params.truncation_level,
        "monotone_constraints": [1] * features,
        "num_threads": count_threads(params.threads),
        "seed": params.seed,
        # Row-wise histograms and this flag make the model independent of the number of threads.
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
