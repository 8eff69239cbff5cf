"""Rank without training trees: by single views and by sums of a few, which the model has to beat.

Which views are summed is chosen on training and tuning questions, never on test ones. The sum of reciprocal ranks is
that of Cormack, Clarke and Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
methods" (SIGIR 2009).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.ranking.features import BASELINES, find_similarities

RRF_K = 60
_WEIGHTS = (0.125, 0.25, 0.5, 1.0)
_FIRST_VIEWS = 5
_MOST_QUERIES = 5000
Scores = NDArray[np.float64]
Views = tuple[str, tuple[str, str, float]]
"""The best view, and the best two with the second one's weight."""


def score_untrained(learned: pd.DataFrame, tested: pd.DataFrame, views: Views | None = None) -> dict[str, Scores]:
    """Score candidates with every ranker that needs no trees.

    Args:
        learned: Rows of the fold's training and tuning questions: columns `query`, `label` and the features.
        tested: Rows of its test questions; of a question they are in the order of retrieval.
        views: What `choose_views` has chosen, if it has: `learned` is not used then.

    Returns:
        Scores of shape (rows of `tested`,) by ranker: `retrieval` (the first stage's own order), those of BASELINES,
        `rank_sum` (reciprocal ranks of all views), `best_view` and `best_two` (one view, and a weighted sum of two).
    """
    order = tested.groupby("query", sort=False).cumcount().to_numpy().astype(np.float64)
    scores: dict[str, Scores] = {"retrieval": np.asarray(-order)}
    scores |= {name: tested[column].to_numpy(np.float64) for name, column in BASELINES.items()}
    scores["rank_sum"] = sum_ranks(tested)
    single, pair = views or choose_views(learned)
    scores["best_view"] = tested[_column(single)].to_numpy(np.float64)
    scores["best_two"] = _add_views(tested, *pair)
    return scores


def sum_ranks(rows: pd.DataFrame) -> Scores:
    """Sum 1 / (60 + rank) over all views, shape (rows,)."""
    by_rank = rows[[f"{name}.by_rank" for name in find_similarities(rows.columns)]].to_numpy(np.float64)
    # The feature is 1 / log2(1 + rank); whole again, and in one order, the sum is the same to the last bit.
    ranks = np.ascontiguousarray(np.rint(np.exp2(1 / by_rank) - 1))
    return np.asarray((1 / (RRF_K + ranks)).sum(axis=1), dtype=np.float64)


def list_choice_columns(columns: Iterable[Hashable]) -> list[str]:
    """List, of the columns of candidates, those that views are chosen by."""
    return [f"{name}.{form}" for name in find_similarities(columns) for form in ("score", "of_best")]


def choose_views(learned: pd.DataFrame) -> Views:
    """Choose the view, and the two views with the second one's weight, that give the highest mean reciprocal rank.

    Args:
        learned: Columns `query`, `label` and what `list_choice_columns` names; may be empty, which chooses the
            first ones.
    """
    step = learned["query"].nunique() // _MOST_QUERIES + 1
    chosen = learned["query"].drop_duplicates().to_numpy()[::step]
    learned = learned[learned["query"].isin(chosen)] if step > 1 else learned
    query = np.unique(learned["query"], return_inverse=True)[1]
    right = learned["label"].to_numpy() == 1

    def judge(scores: Scores) -> float:
        return mean_reciprocal(query, right, scores)

    names = find_similarities(learned.columns)
    singles = {name: judge(learned[_column(name)].to_numpy(np.float64)) for name in names}
    firsts = sorted(names, key=lambda name: -singles[name])[:_FIRST_VIEWS]
    shares = {name: learned[f"{name}.of_best"].to_numpy(np.float64) for name in names}
    pairs = [(a, b, w) for a, b, w in product(firsts, names, _WEIGHTS) if a != b]
    return firsts[0], max(pairs, key=lambda pair: judge(shares[pair[0]] + pair[2] * shares[pair[1]]))


def mean_reciprocal(query: NDArray[np.int64], right: NDArray[np.bool_], scores: Scores) -> float:
    """Average 1 / rank of the right candidates, 0 where there is none; ties count against them."""
    return float(reciprocal_ranks(query, right, scores).mean()) if right.any() else 0.0


def reciprocal_ranks(query: NDArray[np.int64], right: NDArray[np.bool_], scores: Scores) -> Scores:
    """Give 1 / rank of each question's right candidate, shape (questions,), as `mean_reciprocal` averages it."""
    query = np.unique(query, return_inverse=True)[1]
    own = np.full(int(query.max()) + 1, np.inf)
    own[query[right]] = scores[right]
    ahead = np.bincount(query, weights=scores >= own[query])
    return np.asarray(np.where(np.isinf(own), 0.0, 1 / np.maximum(ahead, 1)), dtype=np.float64)


def _add_views(rows: pd.DataFrame, first: str, second: str, weight: float) -> Scores:
    # Shares of the best candidate's: BM25 has no bound, cosines have.
    one, other = (rows[f"{name}.of_best"].to_numpy(np.float64) for name in (first, second))
    return np.asarray(one + weight * other, dtype=np.float64)


def _column(name: str) -> str:
    return f"{name}.score"
