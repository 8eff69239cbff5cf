"""The ranker: LambdaRank's trees and a linear model over the same features, added up.

Each is worth as much as cross-validation on the learned questions says (stacking: Breiman, "Stacked regressions",
1996): the sum is the log-odds of being the right candidate. Where questions are few the linear model weighs more, where
they are many the trees do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.params import RankerParams
from triptych.faq.ranking.features import FEATURES, find_features
from triptych.faq.ranking.fusion import reciprocal_ranks
from triptych.faq.ranking.lambdarank import load_booster, train_booster
from triptych.faq.ranking.linear import Lists, add_weighted, fit_weights, train_linear

if TYPE_CHECKING:
    import lightgbm as lgb

_FOLDS = 5
# So many questions tell how much either model is worth, and how sure their sum may be.
MOST_QUERIES = 5000
PARTS = ("lambdarank", "linear")


class Mix(NamedTuple):
    """What a unit of either model's score is worth, in log-odds."""

    lambdarank: float
    linear: float


@dataclass(frozen=True)
class Ranker:
    """Trees and weights; a score never falls where a feature grows.

    Attributes:
        booster: LambdaRank's trees.
        weights: The linear model's, shape (features,).
        mix: What either is worth.
        features: Their names, in order.
    """

    booster: lgb.Booster
    weights: NDArray[np.float64]
    mix: Mix
    features: tuple[str, ...] = tuple(FEATURES)

    def score(self, values: NDArray[np.float32], threads: int = 0) -> NDArray[np.float64]:
        """Score candidates, shape (rows,): log-odds of being the right one, but for a constant of each question.

        Args:
            values: Features, shape (rows, features), in their order; further columns are left out.
            threads: LightGBM's; 0 takes its own choice.
        """
        return add_weighted(self.score_parts(values, threads), np.array(self.mix))

    def score_parts(self, values: NDArray[np.float32], threads: int = 0) -> NDArray[np.float64]:
        """Score candidates with either model, shape (rows, 2)."""
        values = values[:, : len(self.features)]
        trees = self.booster.predict(values, num_threads=threads)
        return np.column_stack([np.asarray(trees, dtype=np.float64), add_weighted(values, self.weights)])

    def score_table(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """Score the rows of a table that has the features as columns."""
        return self.score(features[list(self.features)].to_numpy(np.float32))

    def to_dict(self) -> dict[str, Any]:
        """Give everything as what JSON holds."""
        trees = self.booster.model_to_string()
        return {
            "features": list(self.features),
            "trees": trees,
            "weights": self.weights.tolist(),
            "mix": list(self.mix),
        }

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Ranker:
        """Restore what `to_dict` gave."""
        weights = np.array(saved["weights"], dtype=np.float64)
        return cls(load_booster(saved["trees"]), weights, Mix(*saved["mix"]), tuple(saved["features"]))


def train_parts(features: pd.DataFrame, params: RankerParams, mix: Mix) -> Ranker:
    """Train both models on training and tuning questions (roles `train` and `tune`)."""
    learn = features[features["role"].isin(["train", "tune"])]
    values, query, label = _arrays(learn)
    weights = train_linear(values, query, label, params.linear_l2)
    return Ranker(train_booster(features, params), weights, mix, tuple(find_features(features.columns)))


def cross_score(learned: pd.DataFrame, params: RankerParams) -> NDArray[np.float64]:
    """Score questions with models that were not trained on them, nor on others about the same original.

    Args:
        learned: Rows of training and tuning questions, and of questions that have no original: columns `role`,
            `query`, `group` (originals that go together; below 0: none), `label` and the features.
        params: Settings of both models; all rounds are boosted.

    Returns:
        Shape (rows, 2). Where all belong to one group, the models were trained on what they score.
    """
    params = params.replace(early_stopping_rounds=0)
    group = learned["group"].to_numpy()
    groups = np.random.default_rng(params.seed).permutation(np.unique(group[group >= 0]))
    folds, features = min(_FOLDS, len(groups)), find_features(learned.columns)
    place = pd.Series(np.arange(len(groups)) % max(folds, 1), index=groups)
    fold = np.where(group >= 0, place.reindex(group).to_numpy(), learned["query"].to_numpy() % max(folds, 1))
    scores = np.empty((len(learned), 2))
    for number in range(folds):
        asked = fold == number
        ranker = train_parts(learned[~asked] if folds > 1 else learned, params, Mix(1, 1))
        scores[asked] = ranker.score_parts(learned.loc[asked, features].to_numpy(np.float32))
    return scores


def choose_mix(
    scores: NDArray[np.float64], query: NDArray[np.int64], label: NDArray[np.int8], method: str
) -> tuple[Mix, dict[str, float]]:
    """Weigh the models by the likelihood of the right candidates, from scores of models that did not see them.

    Args:
        scores: Shape (rows, 2), from `cross_score`.
        query: Question number of each row; rows of a question are together.
        label: 1 for the right candidate.
        method: `lambdarank` or `linear` alone, `both`, or `auto`: both, unless one alone ranks better by more than the
            standard error of the difference.

    Returns:
        What either is worth, and the mean reciprocal rank of each choice.
    """
    lists = Lists.read(query, label)
    if not len(lists.starts):
        return Mix(1.0, 0.0 if method == "lambdarank" else 1.0), {}
    mixes = {"both": Mix(*fit_weights(scores[lists.rows], lists, 0.0, start=1.0).tolist())}
    for i, name in enumerate(PARTS):
        worth = fit_weights(scores[lists.rows][:, i : i + 1], lists, 0.0, start=1.0)[0]
        mixes[name] = Mix(**{part: float(worth) if part == name else 0.0 for part in PARTS})
    right = label == 1
    found = {name: reciprocal_ranks(query, right, scores @ np.array(mix)) for name, mix in mixes.items()}
    chosen = _choose(found) if method == "auto" else method
    return mixes[chosen], {name: float(np.mean(ranks)) for name, ranks in found.items()}


def _choose(found: dict[str, NDArray[np.float64]]) -> str:
    best = max(PARTS, key=lambda name: found[name].mean())
    gain = found[best] - found["both"]
    return best if gain.mean() > gain.std() / np.sqrt(len(gain)) else "both"


def _arrays(rows: pd.DataFrame) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int8]]:
    return rows[find_features(rows.columns)].to_numpy(np.float32), rows["query"].to_numpy(), rows["label"].to_numpy()
