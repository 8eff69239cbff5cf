"""The tables say what the ranks say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.faq.corpora import make_questions
from triptych.faq.evaluation.metrics import METRICS, bootstrap_metrics
from triptych.faq.evaluation.report import (
    compare_rankers,
    flatten_metrics,
    list_rankers,
    list_worst_misses,
    plot_comparison,
)
from triptych.faq.params import EvaluationParams

PARAMS = EvaluationParams(bootstrap_samples=200)


def make_ranks() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    count = 60
    return pd.DataFrame(
        {
            "fold": 0,
            "test_set": ["known"] * 20 + ["unseen"] * 40,
            "question_id": np.arange(count) + 100,
            "original_id": np.arange(count) % 7,
            "retrieved": np.arange(count) % 5 > 0,
            "candidates": [10] * 20 + [8] * 40,
            "first_id": np.arange(count) % 5,
            "rank.model": rng.integers(1, 4, count),
            "rank.bm25": rng.integers(1, 9, count),
        }
    )


def test_metrics_are_flat() -> None:
    ranks = make_ranks()
    metrics = flatten_metrics(ranks)
    assert list_rankers(ranks) == ["model", "bm25"]
    names = [*METRICS, "queries", "candidates", "retrieved"]
    assert set(metrics) == {f"{t}.{r}.{n}" for t in ("known", "unseen") for r in ("model", "bm25") for n in names}
    assert metrics["known.model.queries"] == 20
    assert metrics["unseen.bm25.candidates"] == 8
    assert metrics["unseen.model.retrieved"] == 32 / 40
    unseen = ranks.loc[ranks["test_set"] == "unseen", "rank.bm25"]
    assert metrics["unseen.bm25.mrr"] == pytest.approx((1 / unseen).mean())
    assert metrics["unseen.bm25.gain_at_3"] == pytest.approx((unseen <= 3).mean())


def test_the_comparison_holds_values_and_paired_advantages() -> None:
    ranks = make_ranks()
    table = compare_rankers(ranks, PARAMS)
    assert len(table) == 2 * 2 * len(METRICS)
    metrics = flatten_metrics(ranks)
    for _, row in table.iterrows():
        test_set, ranker, metric = row["test_set"], row["ranker"], row["metric"]
        assert row["value"] == pytest.approx(metrics[f"{test_set}.{ranker}.{metric}"])
        assert row["low"] <= row["value"] <= row["high"]
        model = metrics[f"{test_set}.model.{metric}"]
        if ranker == "model":
            assert row[["advantage", "advantage_low", "advantage_high"]].isna().all()
        else:
            assert row["advantage"] == pytest.approx(model - row["value"])
    unseen = ranks[ranks["test_set"] == "unseen"]
    own, other, originals = (unseen[name].to_numpy() for name in ("rank.model", "rank.bm25", "original_id"))
    expected = bootstrap_metrics(own, other, 200, 0, originals)["mrr"]
    found = table.query("test_set == 'unseen' and ranker == 'bm25' and metric == 'mrr'")
    advantage = found[["advantage", "advantage_low", "advantage_high"]].to_numpy()
    assert advantage.ravel().tolist() == pytest.approx(list(expected))
    assert expected.low > 0


def test_worst_misses_come_worst_first() -> None:
    ranks = make_ranks().head(5).assign(**{"rank.model": [2, 1, 9, 2, 15]})
    ranks["retrieved"] = [True, True, True, True, False]
    texts = {100: "first asked title", 104: "last asked title", 2: "right one title", 4: "never found title"}
    questions = make_questions(texts)
    misses = list_worst_misses(ranks, questions, 3)
    assert misses["rank"].tolist() == [15, 9, 2]
    assert misses["question_id"].tolist() == [104, 102, 100]
    assert misses.loc[0, "question"] == "last asked title"
    # What retrieval missed is the worst of all: its original is shown, too.
    assert misses["retrieved"].tolist() == [False, True, True]
    assert misses.loc[0, "original"] == "never found title"
    assert misses.loc[1, "original"] == "right one title"
    assert list_worst_misses(ranks.assign(**{"rank.model": 1}), questions, 3).empty


def test_the_plot_draws_each_ranker_in_each_test_set() -> None:
    table = compare_rankers(make_ranks(), PARAMS)
    figure = plot_comparison(table)
    bars = list(figure.data)
    assert [bar.name for bar in bars].count("model") == 2
    values = table.set_index(["test_set", "ranker", "metric"])["value"]
    assert {bar.y[0] for bar in bars} == set(values.xs("gain_at_1", level="metric"))
    one = plot_comparison(table[table["test_set"] == "unseen"])
    assert len(one.data) == 2
