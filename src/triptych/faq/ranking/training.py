"""Train the ranker of a fold, and how sure it may be of its matches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.params import ProbabilityParams, RankerParams
from triptych.faq.ranking.features import find_described
from triptych.faq.ranking.match_probability import MatchProbability, fit_probability
from triptych.faq.ranking.plans import ABSENT, LEARNED
from triptych.faq.ranking.ranker import MOST_QUERIES, Mix, Ranker, choose_mix, cross_score, train_parts


@dataclass(frozen=True)
class TrainedRanker:
    """What the matcher needs of a fold.

    Attributes:
        ranker: Orders the candidates.
        probability: Says how likely they are.
    """

    ranker: Ranker
    probability: MatchProbability

    def to_dict(self) -> dict[str, Any]:
        """Give everything as what JSON holds."""
        return self.ranker.to_dict() | {"probability": self.probability.to_dict()}

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> TrainedRanker:
        """Restore what `to_dict` gave."""
        return cls(Ranker.from_dict(saved), MatchProbability.from_dict(saved["probability"]))


def train_fold(
    features: pd.DataFrame, params: RankerParams, probability: ProbabilityParams
) -> tuple[TrainedRanker, dict[str, float]]:
    """Train on training and tuning questions, and on those whose original is not there.

    Args:
        features: Rows of one fold with columns `role`, `query`, `group`, `label` and what `find_described` names.
        params: Settings of the ranker.
        probability: Settings of the probability.

    Returns:
        The ranker, and the mean reciprocal rank of either model and of both, cross-validated on what is learned.
    """
    ranker = train_parts(features, params, Mix(1, 1))
    asked = draw_queries(features[features["role"].isin([*LEARNED, ABSENT])], params.seed)
    scores = cross_score(asked, params.replace(rounds=ranker.booster.num_trees()))
    present = asked["role"].isin(LEARNED).to_numpy()
    query, label = asked["query"].to_numpy(), asked["label"].to_numpy()
    mix, report = choose_mix(scores[present], query[present], label[present], params.method)
    sizes = count_candidates(asked)
    absent = ~present[np.cumsum(sizes) - sizes]
    values = asked[find_described(asked.columns)].to_numpy(np.float32)
    fitted = fit_probability(values, scores @ np.array(mix), sizes, label, absent, probability)
    return TrainedRanker(replace(ranker, mix=mix), fitted), report


def draw_queries(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Draw at most 5000 questions with all of their copies."""
    questions = rows["question_id"].unique()
    if rows["query"].nunique() <= MOST_QUERIES:
        return rows
    share = MOST_QUERIES / rows["query"].nunique()
    kept = np.random.default_rng(seed).random(len(questions)) < share
    return rows[rows["question_id"].isin(questions[kept])]


def count_candidates(rows: pd.DataFrame) -> NDArray[np.int64]:
    """Count the candidates of each question, in the order of the rows; rows of a question are together."""
    query = rows["query"].to_numpy()
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    return np.diff(np.append(starts, len(query)))
