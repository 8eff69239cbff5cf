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
        rounds = _find_rounds(features, params)
    learn = features[features["role"].isin(["train", "tune"])]
    return lgb.train(_lightgbm_params(params), make_groups(learn), num_boost_round=rounds)


def load_booster(text: str) -> lgb.Booster:
    """Restore a model from LightGBM's text format."""
    import lightgbm as lgb

    return lgb.Booster(model_str=text)


def score_candidates(model: lgb.Booster, features: pd.DataFrame) -> NDArray[np.float64]:
    """Score each row; higher is better."""
    return np.asarray(model.predict(features[FEATURES].to_numpy(np.float32)), dtype=np.float64)


def make_groups(features: pd.DataFrame) -> lgb.Dataset:
    """Hand rows to LightGBM as ranking groups, one a question; rows of a question must be together."""
    import lightgbm as lgb

    query = features["query"].to_numpy()
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    sizes = np.diff(np.append(starts, len(query)))
    values = features[FEATURES].to_numpy(np.float32)
    return lgb.Dataset(values, features["label"].to_numpy(), group=sizes, free_raw_data=False)


def _find_rounds(features: pd.DataFrame, params: RankerParams) -> int:
    import lightgbm as lgb

    train, tune = (make_groups(features[features["role"] == role]) for role in ("train", "tune"))
    stop = lgb.early_stopping(params.early_stopping_rounds, verbose=False)
    model = lgb.train(_lightgbm_params(params), train, params.rounds, valid_sets=[tune], callbacks=[stop])
    return max(int(model.best_iteration), 1)


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
