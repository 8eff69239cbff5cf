from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.faq.corpora import topical_corpus
from triptych.faq.evaluation.metrics import METRICS, bootstrap_metrics, rank_fold, rank_right, summarize_ranks
from triptych.faq.pairs.splitting import split_pairs
from triptych.faq.params import RankerParams, SplitParams
from triptych.faq.ranking.features import BASELINES, SIMILARITIES
from triptych.faq.ranking.ranker import Mix, train_parts

Arrays = tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.float64]]
RANKS = st.lists(st.integers(1, 30), min_size=1, max_size=40).map(lambda ranks: np.array(ranks, dtype=np.int64))


@st.composite
def candidates(draw: st.DrawFn) -> Arrays:
    """Draw questions with candidates in any order, scores that often tie, and some rights that are missing."""
    query, label = [], []
    for question in range(draw(st.integers(1, 6))):
        size = draw(st.integers(1, 7))
        right = draw(st.integers(-1, size - 1))
        query += [question] * size
        label += [int(place == right) for place in range(size)]
    scores = draw(st.lists(st.integers(-3, 3), min_size=len(query), max_size=len(query)))
    order = np.array(draw(st.permutations(range(len(query)))))
    arrays = np.array(query), np.array(label, dtype=np.int8), np.array(scores, dtype=np.float64)
    return arrays[0][order], arrays[1][order], arrays[2][order]


def rank_plainly(query: NDArray[np.int64], label: NDArray[np.int8], scores: NDArray[np.float64]) -> list[int]:
    ranks = []
    for question in range(int(query.max()) + 1):
        own = [(s, flag) for q, flag, s in zip(query, label, scores, strict=True) if q == question]
        right = [score for score, flag in own if flag]
        ranks.append(sum(score >= right[0] for score, _ in own) if right else 99)
    return ranks


def test_ties_count_against_the_right_one() -> None:
    query, label = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 0, 1, 0], dtype=np.int8)
    scores = np.array([0.5, 0.5, 0.1, 2.0, 1.0])
    assert rank_right(query, label, scores, 9).tolist() == [2, 1]
    assert rank_right(query, label, np.zeros(5), 9).tolist() == [3, 2]


def test_an_original_that_was_not_retrieved_gets_the_worst_rank() -> None:
    ranks = rank_right(np.array([0, 1, 1]), np.array([0, 0, 1], dtype=np.int8), np.array([3.0, 1.0, 2.0]), 44)
    assert ranks.tolist() == [44, 1]
    assert ranks.dtype == np.int64


@given(candidates())
def test_ranks_equal_those_counted_one_by_one(arrays: Arrays) -> None:
    assert rank_right(*arrays, missing_rank=99).tolist() == rank_plainly(*arrays)


@given(candidates(), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_the_scale_of_scores_matters(arrays: Arrays, random: object) -> None:
    query, label, scores = arrays
    ranks = rank_right(query, label, scores, 99).tolist()
    order = np.array(random.sample(range(len(query)), len(query)))  # type: ignore[attr-defined]
    assert rank_right(query[order], label[order], scores[order], 99).tolist() == ranks
    for transformed in (7 * scores - 2, np.exp(scores), scores**3):
        assert rank_right(query, label, transformed, 99).tolist() == ranks


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="2 scores are not finite"):
        rank_right(np.zeros(3, int), np.array([1, 0, 0], np.int8), np.array([bad, 1.0, bad]), 3)


def test_no_question_has_no_rank() -> None:
    empty = np.array([], dtype=np.int64)
    assert rank_right(empty, empty.astype(np.int8), empty.astype(float), 3).tolist() == []


def test_the_metrics_are_what_their_names_say() -> None:
    figures = summarize_ranks(np.array([1, 2, 4, 10, 11]))
    assert figures == pytest.approx(
        {
            "gain_at_1": 0.2,
            "gain_at_2": 0.4,
            "gain_at_3": 0.4,
            "gain_at_10": 0.8,
            "mrr": (1 + 1 / 2 + 1 / 4 + 1 / 10 + 1 / 11) / 5,
            "mean_rank": 28 / 5,
            "recall_at_20": 1.0,
            "recall_at_50": 1.0,
            "recall_at_100": 1.0,
        }
    )


@given(RANKS, st.integers(0, 1000))
def test_an_interval_holds_its_value_and_depends_on_the_seed_alone(ranks: NDArray[np.int64], seed: int) -> None:
    intervals = bootstrap_metrics(ranks, None, 100, seed)
    assert intervals == bootstrap_metrics(ranks, None, 100, seed)
    assert tuple(intervals) == METRICS
    values = summarize_ranks(ranks)
    for name, (value, low, high) in intervals.items():
        assert value == pytest.approx(values[name])
        if len(set(ranks.tolist())) == 1:
            assert low == pytest.approx(high)
        assert low <= high
    # Few resamples of few questions may lean to one side, but not beyond the data.
    _, low, high = intervals["mean_rank"]
    assert ranks.min() - 1e-9 <= low <= high <= ranks.max() + 1e-9


def test_another_seed_draws_other_questions() -> None:
    ranks = np.arange(1, 60)
    assert bootstrap_metrics(ranks, None, 200, 0) != bootstrap_metrics(ranks, None, 200, 1)
    interval = bootstrap_metrics(ranks, None, 2000, 0)["mean_rank"]
    assert interval.low < interval.value < interval.high


@given(RANKS, st.integers(0, 1000))
def test_a_ranker_differs_from_itself_by_nothing(ranks: NDArray[np.int64], seed: int) -> None:
    assert {tuple(i) for i in bootstrap_metrics(ranks, ranks.copy(), 100, seed).values()} == {(0.0, 0.0, 0.0)}


def test_differences_are_paired() -> None:
    rng = np.random.default_rng(0)
    worse = rng.integers(2, 1000, size=200)
    intervals = bootstrap_metrics(worse - 1, worse, 200, 0)
    # One rank better in every question: certain, however much the questions differ from each other.
    assert intervals["mean_rank"] == pytest.approx((-1.0, -1.0, -1.0))
    assert bootstrap_metrics(worse, None, 200, 0)["mean_rank"].high - worse.mean() > 10
    swapped = bootstrap_metrics(worse, worse - 1, 200, 0)
    for name, (value, low, high) in intervals.items():
        assert swapped[name] == pytest.approx((-value, -high, -low))


def test_intervals_are_as_wide_as_theory_says_and_cover_as_often() -> None:
    truth, size, runs = 0.3, 120, 150
    rng = np.random.default_rng(1)
    covered, widths = 0, []
    for run in range(runs):
        ranks = np.where(rng.random(size) < truth, 1, 5)
        interval = bootstrap_metrics(ranks, None, 300, run)["gain_at_1"]
        covered += interval.low <= truth <= interval.high
        widths.append(interval.high - interval.low)
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.sqrt(truth * (1 - truth) / size), rel=0.06)
    assert 0.88 <= covered / runs <= 0.99


ORIGINALS = 15


@pytest.fixture(scope="module")
def fold(features: pd.DataFrame) -> pd.DataFrame:
    """Return the candidates of a fold; the first test question's right original was not retrieved."""
    table = features.assign(fold=2)
    first = table.loc[table["role"].str.startswith("test_"), "query"].min()
    kept: pd.DataFrame = table.loc[(table["query"] != first) | (table["label"] == 0)]
    return kept


@pytest.fixture(scope="module")
def roles() -> pd.DataFrame:
    """Return the roles in the fold."""
    return split_pairs(*topical_corpus(), SplitParams(), 1)


def test_recall_at_k_is_the_share_found_among_the_first_k() -> None:
    figures = summarize_ranks(np.array([1, 20, 21, 50, 51, 100, 101, 300]))
    assert [figures[f"recall_at_{k}"] for k in (20, 50, 100)] == [2 / 8, 4 / 8, 6 / 8]
    assert list(figures) == list(METRICS)


def test_ranks_are_those_of_sorted_candidates(fold: pd.DataFrame, roles: pd.DataFrame) -> None:
    model = train_parts(fold, RankerParams(rounds=5, min_child_samples=5, threads=1), Mix(1, 0.5))
    tested = fold[fold["role"].str.startswith("test_")]
    rng = np.random.default_rng(0)
    reference = tested[["question_id", "candidate_id"]].assign(score=rng.random(len(tested)))
    ranks = rank_fold(fold, model, reference.sample(frac=1, random_state=0), roles)
    scores = {"model": model.score_table(tested), "reference": reference["score"].to_numpy()}
    scores |= {name: tested[column].to_numpy() for name, column in BASELINES.items()}
    ranked = [f"{name}.by_rank" for name in SIMILARITIES]
    scores["rank_sum"] = (1 / (60 + (2 ** (1 / tested[ranked].astype(float)) - 1).round())).sum(axis=1).to_numpy()
    assert [c.removeprefix("rank.") for c in ranks.columns if c.startswith("rank.")] == [
        *("model", "reference", "retrieval", *BASELINES, "rank_sum", "best_view", "best_two")
    ]
    original_of = dict(zip(roles["question_id"], roles["original_id"], strict=True))
    assert ranks["question_id"].tolist() == tested["question_id"].drop_duplicates().tolist()
    assert (ranks["fold"] == 2).all()
    for _, row in ranks.iterrows():
        own = tested["question_id"].to_numpy() == row["question_id"]
        label = tested["label"].to_numpy()[own] == 1
        candidates = tested["candidate_id"].to_numpy()[own]
        assert row["test_set"] == tested["role"].to_numpy()[own][0].removeprefix("test_")
        assert row["candidates"] == own.sum()
        assert row["original_id"] == original_of[row["question_id"]]
        assert row["retrieved"] == label.any()
        assert not label.any() or candidates[label][0] == row["original_id"]
        retrieved = int(label.argmax()) + 1 if label.any() else ORIGINALS
        assert row["rank.retrieval"] == retrieved
        for name, score in scores.items():
            mine = score[own]
            expected = (mine >= mine[label][0]).sum() if label.any() else ORIGINALS
            assert row[f"rank.{name}"] == expected, name
        best = scores["model"][own]
        assert row["first_id"] == candidates[best == best.max()].min()
    assert (~ranks["retrieved"]).sum() == 1
    assert set(ranks["test_set"]) == {"known", "unseen"}


def test_without_the_reference_it_is_left_out(fold: pd.DataFrame, roles: pd.DataFrame) -> None:
    model = train_parts(fold, RankerParams(rounds=2, min_child_samples=5, threads=1), Mix(1, 0.5))
    none = pd.DataFrame({"question_id": [], "candidate_id": [], "score": []})
    columns = rank_fold(fold, model, none, roles).columns
    assert "rank.reference" not in columns
    assert {"rank.model", "rank.bm25"} <= set(columns)


def test_a_candidate_the_reference_did_not_score_is_an_error(fold: pd.DataFrame, roles: pd.DataFrame) -> None:
    model = train_parts(fold, RankerParams(rounds=2, min_child_samples=5, threads=1), Mix(1, 0.5))
    tested = fold[fold["role"].str.startswith("test_")]
    scores = tested[["question_id", "candidate_id"]].assign(score=0.5)
    with pytest.raises(ValueError, match="1 scores are not finite"):
        rank_fold(fold, model, scores.iloc[1:], roles)


def test_questions_of_one_original_are_drawn_together() -> None:
    """Where they all fare the same, the interval is that of the originals, each counted as often as it is asked."""
    originals = np.random.default_rng(0).permutation(np.repeat(np.arange(40), 5))
    ranks = np.where(originals % 2, 1, 5)
    together = bootstrap_metrics(ranks, None, 2000, 0, originals)["gain_at_1"]
    alone = bootstrap_metrics(ranks, None, 2000, 0)["gain_at_1"]
    assert together.value == alone.value == 0.5
    assert together.high - together.low == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 40), rel=0.06)
    assert alone.high - alone.low == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 200), rel=0.06)


def test_originals_count_as_often_as_they_are_asked() -> None:
    ranks, originals = np.array([1, 5, 5, 5]), np.array([7, 9, 9, 9])
    found = bootstrap_metrics(ranks, None, 2000, 0, originals)["gain_at_1"]
    # Drawn are both, or either one twice.
    assert found == pytest.approx((0.25, 0.0, 1.0))
    single = bootstrap_metrics(ranks, None, 200, 3)
    assert bootstrap_metrics(ranks, None, 200, 3, np.arange(4)) == single
