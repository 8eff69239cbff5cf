"""Calibration errors and the threshold's figures equal those of a plain loop, or of scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss

from triptych.faq.evaluation.probabilities import (
    bin_probabilities,
    estimate_fold,
    summarize_probabilities,
    trace_coverage,
)
from triptych.faq.evaluation.probability_plots import plot_coverage, plot_reliability
from triptych.faq.params import ProbabilityParams, RankerParams
from triptych.faq.ranking.training import train_fold

PARAMS = RankerParams(rounds=5, min_child_samples=5, threads=1)


def draw(questions: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    probability = rng.random(questions)
    return pd.DataFrame(
        {
            "test_set": rng.choice(["known", "unseen", "absent"], size=questions),
            "probability": probability,
            "is_right": rng.random(questions) < probability**2,
            "threshold": 0.6,
            "weight": rng.random(questions),
        }
    )


def test_errors_are_those_of_a_plain_loop_and_of_scikit_learn() -> None:
    table = draw()
    figures = summarize_probabilities(table)
    expected = 0.0
    for number in range(10):
        inside = table[(table["probability"] >= number / 10) & (table["probability"] < (number + 1) / 10)]
        said, found = (np.average(inside[name], weights=inside["weight"]) for name in ("probability", "is_right"))
        expected += inside["weight"].sum() / table["weight"].sum() * abs(said - found)
    assert figures["probability.ece"] == pytest.approx(expected)
    brier = brier_score_loss(table["is_right"], table["probability"], sample_weight=table["weight"])
    assert figures["probability.brier"] == pytest.approx(brier)


def test_the_threshold_is_judged() -> None:
    table = pd.DataFrame(
        {
            "test_set": ["known", "known", "unseen", "absent", "absent"],
            "probability": [0.9, 0.5, 0.2, 0.6, 0.1],
            "is_right": [True, False, True, False, False],
            "threshold": 0.5,
            "weight": [1.0, 1.0, 2.0, 3.0, 3.0],
        }
    )
    figures = summarize_probabilities(table)
    assert figures["probability.coverage"] == pytest.approx(5 / 10)
    assert figures["probability.precision"] == pytest.approx(1 / 5)
    assert figures["probability.right_kept"] == pytest.approx(1 / 3)
    assert figures["probability.absent_matched"] == pytest.approx(1 / 2)
    assert figures["probability.threshold"] == 0.5
    curve = trace_coverage(table)
    at = curve[curve["threshold"] >= 0.5].iloc[-1]
    assert (at["coverage"], at["precision"]) == pytest.approx((5 / 10, 1 / 5))
    assert curve.iloc[-1][["coverage", "right_kept"]].tolist() == pytest.approx([1, 1])


def test_a_probability_of_one_has_a_bin() -> None:
    table = draw().assign(probability=1.0)
    assert bin_probabilities(table)["probability"].tolist() == pytest.approx([1.0])


def test_each_test_question_has_a_row_and_its_best_candidate(features: pd.DataFrame) -> None:
    fold = features.assign(fold=3)
    trained, _ = train_fold(fold, PARAMS, ProbabilityParams())
    table = estimate_fold(fold, trained, 0.25)
    tested = fold[fold["role"].isin(["test_known", "test_unseen", "absent_test"])]
    assert len(table) == tested["query"].nunique()
    assert table["probability"].between(0, 1).all()
    assert not table.loc[table["test_set"] == "absent", "is_right"].any()
    assert table["weight"].sum() == pytest.approx(1)
    assert table.loc[table["test_set"] != "absent", "weight"].sum() == pytest.approx(0.25)
    # The made-up topics are told apart from questions without an original.
    means = table.groupby(table["test_set"] == "absent")["probability"].mean()
    assert means[False] > means[True]


def test_plots_show_bins_curve_and_threshold() -> None:
    table = draw()
    reliability, coverage = plot_reliability(table), plot_coverage(table)
    assert len(reliability.data[1].x) == 10
    assert "calibration error" in reliability.layout.title.text
    assert [trace.name for trace in coverage.data] == ["precision", "right ones kept"]
    line = coverage.layout.shapes[0]
    assert line.x0 == pytest.approx(summarize_probabilities(table)["probability.coverage"])
