"""Ranks, and what is made of them: gain@k, mean reciprocal rank, intervals.

gain@k is the share of questions whose right original is among the first k; as there is one, recall@k is the same. The
mean reciprocal rank is that of Voorhees, "The TREC-8 question answering track report" (1999). Intervals are paired
percentile bootstraps (Sakai, "Evaluating evaluation metrics based on the bootstrap", SIGIR 2006) over originals:
questions about one original are alike, so they are drawn together (the cluster bootstrap of Davison and Hinkley,
"Bootstrap methods and their application", 1997, section 3.8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.ranking.fusion import Views, score_untrained

if TYPE_CHECKING:
    from triptych.faq.ranking.ranker import Ranker

GAINS = (1, 2, 3, 10)
RECALLS = (20, 50, 100)
Ranks = NDArray[np.int64]

METRICS = (*(f"gain_at_{k}" for k in GAINS), "mrr", "mean_rank", *(f"recall_at_{k}" for k in RECALLS))


class Interval(NamedTuple):
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


def rank_right(
    query: NDArray[np.int64], label: NDArray[np.int8], scores: NDArray[np.float64], missing_rank: int
) -> Ranks:
    """Rank each question's right candidate among all of its candidates; ties count against it.

    Args:
        query: Question number of each candidate, in [0, questions); every number occurs. Any order.
        label: 1 for the right candidate, at most one a question; else 0.
        scores: Score of each candidate, higher is better.
        missing_rank: Rank of a right original that is not among the candidates.

    Returns:
        Rank of each question, shape (questions,), 1 is best: the number of candidates that score at least as
        high as the right one.

    Raises:
        ValueError: If a score is not finite.
    """
    if not np.isfinite(scores).all():
        raise ValueError(f"{int((~np.isfinite(scores)).sum())} scores are not finite")
    questions = int(query.max()) + 1 if len(query) else 0
    right = np.full(questions, np.nan)
    right[query[label == 1]] = scores[label == 1]
    ahead = np.bincount(query, weights=scores >= right[query], minlength=questions)
    return np.where(np.isnan(right), missing_rank, ahead).astype(np.int64)


def summarize_ranks(ranks: Ranks) -> dict[str, float]:
    """Average every metric over questions, shape (questions,), not empty."""
    return dict(zip(METRICS, _metric_values(ranks).mean(axis=0).tolist(), strict=True))


def bootstrap_metrics(
    ranks: Ranks, against: Ranks | None, samples: int, seed: int, originals: NDArray[np.int64] | None = None
) -> dict[str, Interval]:
    """Bound each metric, or its paired difference to another ranker's, by the bootstrap.

    Args:
        ranks: Ranks of a ranker, shape (questions,), not empty.
        against: Ranks of another one for the same questions; None for the metric itself.
        samples: Resamples of the questions.
        seed: Seed of the resampling: the same questions are drawn for every ranker.
        originals: The original of each question, shape (questions,): those of one are drawn together. None draws each
            question for itself.

    Returns:
        Value and 95 % interval of each metric.
    """
    values = _metric_values(ranks)
    if against is not None:
        values = values - _metric_values(against)
    sums, sizes = values, np.ones(len(values))
    if originals is not None:
        owner = np.unique(originals, return_inverse=True)[1]
        sums = np.column_stack([np.bincount(owner, column) for column in values.T])
        sizes = np.bincount(owner).astype(np.float64)
    rng = np.random.default_rng(seed)
    # One resample at a time: all at once would take samples x questions of memory.
    drawn = (rng.integers(len(sums), size=len(sums)) for _ in range(samples))
    means = np.array([sums[one].sum(axis=0) / sizes[one].sum() for one in drawn])
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    figures = zip(values.mean(axis=0).tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: Interval(*figure) for name, figure in zip(METRICS, figures, strict=True)}


def _metric_values(ranks: Ranks) -> NDArray[np.float64]:
    """Compute each question's share of every metric, shape (questions, metrics)."""
    columns = [*(ranks <= k for k in GAINS), 1 / ranks, ranks, *(ranks <= k for k in RECALLS)]
    return np.column_stack(columns).astype(np.float64)


def rank_fold(
    features: pd.DataFrame,
    model: Ranker,
    reference_scores: pd.DataFrame,
    roles: pd.DataFrame,
    views: Views | None = None,
) -> pd.DataFrame:
    """Rank each test question's candidates with the model, the reference, single views and sums of views.

    Args:
        features: Rows of one fold; with `views`, of some of its test questions.
        model: The fold's ranker.
        reference_scores: Columns `question_id`, `candidate_id`, `score`; empty if there are none.
        roles: Columns `question_id`, `original_id` of the fold. An original that was not retrieved has the worst rank,
            the number of all originals.
        views: What is chosen on the fold's training and tuning questions; None chooses on those of `features`.

    Returns:
        Columns `fold`, `test_set`, `question_id`, `original_id` (the right one), `retrieved` (whether it is among the
        candidates), `candidates`, `first_id` (the model's first), and `rank.<ranker>`; a row a question.
    """
    tested = features[features["role"].str.startswith("test_")].reset_index(drop=True)
    scores = {"model": model.score_table(tested)}
    if len(reference_scores):
        keys = ["question_id", "candidate_id"]
        joined = tested[keys].merge(reference_scores, on=keys, how="left", validate="one_to_one")
        scores["reference"] = joined["score"].to_numpy()
    scores |= score_untrained(features[features["role"].isin(["train", "tune"])], tested, views)
    first_row = ~tested["query"].duplicated()
    query = np.cumsum(first_row.to_numpy()) - 1
    table = tested.loc[first_row, ["fold", "role", "question_id"]].reset_index(drop=True)
    table["role"] = table["role"].str.removeprefix("test_")
    table = table.rename(columns={"role": "test_set"})
    table["original_id"] = roles.set_index("question_id")["original_id"].loc[table["question_id"]].to_numpy()
    table["retrieved"] = np.bincount(query, weights=tested["label"], minlength=len(table)) > 0
    table["candidates"] = np.bincount(query)
    order = np.lexsort((tested["candidate_id"], -scores["model"], query))
    table["first_id"] = tested["candidate_id"].to_numpy()[order][first_row.to_numpy()]
    for name, score in scores.items():
        table[f"rank.{name}"] = rank_right(query, tested["label"].to_numpy(), score, roles["original_id"].nunique())
    return table
