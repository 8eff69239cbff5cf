"""Train LightGBM's LambdaRank over similarity views, and score candidates with it.

LambdaRank is Burges, "From RankNet to LambdaRank to LambdaMART: an overview" (2010). Every feature grows with
similarity and the model is held to it (monotone constraints): without that, a few hundred questions suffice for
the trees to tell the originals apart by their figures, and to learn which ones are asked about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.pipelines.faq.features import FEATURES
from triptych.pipelines.faq.params import RankerParams

if TYPE_CHECKING:
    import lightgbm as lgb


def train_booster(features: pd.DataFrame, params: RankerParams) -> lgb.Booster:
    """Find the number of rounds on the tuning questions, then train on training and tuning questions.

    Args:
        features: Rows of one fold with columns `role`, `query`, `label` and FEATURES.
        params: LightGBM's settings.

    Returns:
        The model; the same data, parameters and seed give the same model.
    """
    # Imported in functions so that `kedro` starts without LightGBM.
    import lightgbm as lgb

    rounds = params.rounds
    if params.early_stopping_rounds and (features["role"] == "tune").any():
        rounds = find_rounds(features, params, params.rounds)[1]
    learn = features[features["role"].isin(["train", "tune"])]
    return lgb.train(_lightgbm_params(params), make_groups(learn), num_boost_round=rounds)


def load_booster(text: str) -> lgb.Booster:
    """Restore a model from LightGBM's text format."""
    import lightgbm as lgb

    return lgb.Booster(model_str=text)


def score_candidates(model: lgb.Booster, features: pd.DataFrame, rounds: int | None = None) -> NDArray[np.float64]:
    """Score each row with the first `rounds` trees (None: all of them); higher is better."""
    values = features[FEATURES].to_numpy(np.float32)
    return np.asarray(model.predict(values, num_iteration=rounds or -1), dtype=np.float64)


def make_groups(features: pd.DataFrame) -> lgb.Dataset:
    """Hand rows to LightGBM as ranking groups, one a question; rows of a question must be together."""
    import lightgbm as lgb

    query = features["query"].to_numpy()
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    sizes = np.diff(np.append(starts, len(query)))
    values = features[FEATURES].to_numpy(np.float32)
    return lgb.Dataset(values, features["label"].to_numpy(), group=sizes, free_raw_data=False)


def find_rounds(
    features: pd.DataFrame, params: RankerParams, budget: int, before: lgb.Booster | None = None
) -> tuple[lgb.Booster, int]:
    """Train on the training questions, stopping early by the tuning questions.

    Args:
        features: Rows of one fold with columns `role`, `query`, `label` and FEATURES.
        params: LightGBM's settings; `early_stopping_rounds` 0 uses up the budget.
        budget: Most rounds, those of `before` included.
        before: Model to go on from.

    Returns:
        The model with all of its rounds, and how many of them are best on the tuning questions.
    """
    import lightgbm as lgb

    train, tune = (make_groups(features[features["role"] == role]) for role in ("train", "tune"))
    patience = params.early_stopping_rounds
    model = lgb.train(
        _lightgbm_params(params),
        train,
        budget - (before.num_trees() if before else 0),
        valid_sets=[tune],
        init_model=before,
        callbacks=[lgb.early_stopping(patience, verbose=False)] if patience else [],
    )
    return model, max(int(model.best_iteration), 1) if patience else model.num_trees()


def _lightgbm_params(params: RankerParams) -> dict[str, Any]:
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
        "monotone_constraints": [1] * len(FEATURES),
        "num_threads": params.threads,
        "seed": params.seed,
        # Row-wise histograms and this flag make the model independent of the number of threads.
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
