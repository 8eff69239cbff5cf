"""Probabilities are as often right as they say, and threshold and texts of elsewhere get what they deserve."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from triptych.faq.params import ProbabilityParams
from triptych.faq.ranking.features import DESCRIBED, FEATURES, SIMILARITIES
from triptych.faq.ranking.match_probability import (
    MatchProbability,
    choose_threshold,
    fit_probability,
    fit_rising_logistic,
    rate_strangeness,
    share_candidates,
    weigh_questions,
)

CANDIDATES = 8
ALIKE = FEATURES.index("original.all.score")
Drawn = tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.int64], NDArray[np.int8], NDArray[np.bool_]]


def draw(questions: int, seed: int) -> Drawn:
    """Draw questions, half of them without an original: then the first candidate is mostly less alike."""
    rng = np.random.default_rng(seed)
    absent = rng.random(questions) < 0.5
    scores = rng.normal(size=(questions, CANDIDATES))
    chosen = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    label = np.zeros(scores.shape, dtype=np.int8)
    label[np.arange(questions), chosen] = ~absent
    values = np.zeros((questions, CANDIDATES, len(DESCRIBED)), dtype=np.float32)
    values[:, :, ALIKE] = rng.normal(np.where(absent, 0.2, 0.4)[:, None], 0.1, size=scores.shape)
    sizes = np.full(questions, CANDIDATES)
    return values.reshape(-1, len(DESCRIBED)), scores.ravel(), sizes, label.ravel(), absent


def test_it_is_right_as_often_as_it_says_on_other_questions() -> None:
    model = fit_probability(*draw(2000, 0), ProbabilityParams())
    values, scores, sizes, label, _ = draw(4000, 1)
    said = model.estimate(values, scores, sizes)
    for low, high in ((0, 0.05), (0.05, 0.15), (0.15, 0.3), (0.3, 0.5), (0.5, 1)):
        inside = (said >= low) & (said < high)
        assert label[inside].mean() == pytest.approx(said[inside].mean(), abs=0.03)
    by_question = said.reshape(-1, CANDIDATES)
    assert (by_question.sum(axis=1) <= 1 + 1e-9).all()
    assert (by_question.argmax(axis=1) == scores.reshape(-1, CANDIDATES).argmax(axis=1)).all()


def test_fewer_matches_expected_are_less_likely() -> None:
    drawn = draw(500, 0)
    rare, common = (fit_probability(*drawn, ProbabilityParams(match_share=share)) for share in (0.1, 0.9))
    assert (rare.estimate(*drawn[:3]) < common.estimate(*drawn[:3])).all()


@pytest.mark.parametrize("absent", [True, False])
def test_without_both_kinds_the_share_is_all_there_is(absent: bool) -> None:
    values, scores, sizes, label, _ = draw(30, 0)
    model = fit_probability(values, scores, sizes, label, np.full(30, absent), ProbabilityParams(match_share=0.2))
    assert model.estimate(values, scores, sizes) == pytest.approx(0.2 * share_candidates(scores, sizes)[0])


def test_a_threshold_that_is_set_is_kept() -> None:
    assert fit_probability(*draw(50, 0), ProbabilityParams(threshold=0.125)).threshold == 0.125


def test_shares_are_a_softmax_of_the_best_fifty() -> None:
    scores = np.random.default_rng(0).normal(size=63)
    shares, first = share_candidates(scores, np.array([60, 3]))
    best = np.sort(np.exp(scores[:60]))[-50:].sum()
    assert shares[:60] == pytest.approx(np.exp(scores[:60]) / best)
    assert shares[60:].sum() == pytest.approx(1)
    assert first.tolist() == [int(scores[:60].argmax()), 60 + int(scores[60:].argmax())]


def test_of_equal_scores_the_smallest_id_is_first() -> None:
    scores, sizes = np.array([1.0, 2.0, 2.0, 2.0]), np.array([4])
    assert share_candidates(scores, sizes)[1].tolist() == [1]
    assert share_candidates(scores, sizes, np.array([1, 9, 3, 4]))[1].tolist() == [2]


def test_the_lowest_threshold_of_enough_precision_is_taken() -> None:
    probability = np.linspace(1, 0.01, 100)
    right = np.arange(100) < 40
    even = np.full(100, 0.01)
    # 40 of the first 50 are right.
    assert choose_threshold(probability, right, even, 0.8) == probability[49]
    assert choose_threshold(probability, right, even, 0.4) == probability[99]
    # So few as 19 say nothing; the best of the others is taken where none is good enough.
    assert choose_threshold(probability, np.arange(100) < 10, even, 0.8) == probability[19]
    # Wrong ones count double.
    assert choose_threshold(probability, right, np.where(right, 1.0, 2.0), 0.8) == probability[44]


def test_equal_probabilities_pass_together() -> None:
    probability = np.repeat([0.9, 0.5], [30, 70])
    assert choose_threshold(probability, np.arange(100) < 60, np.full(100, 0.01), 0.9) == 0.9


def test_weights_are_as_many_as_expected() -> None:
    absent = np.array([True, True, True, False])
    assert weigh_questions(absent, 0.2).tolist() == pytest.approx([0.8 / 3] * 3 + [0.2])
    assert weigh_questions(~absent[:3], 0.2).tolist() == pytest.approx([1 / 3] * 3)


@pytest.mark.filterwarnings("error")
def test_what_is_farthest_from_a_match_has_a_probability_of_nothing() -> None:
    values = np.zeros((2, len(DESCRIBED)), dtype=np.float32)
    model = MatchProbability((0.0,) * (len(SIMILARITIES) + 1), -1000.0, 0.5)
    assert model.estimate(values, np.zeros(2), np.array([2])).tolist() == [0, 0]


def test_it_survives_json() -> None:
    model = MatchProbability((1.0, 2.5), -3.0, 0.4)
    assert MatchProbability.from_dict(model.to_dict()) == model


def test_the_logistic_regression_is_scikit_learns_where_every_weight_is_positive() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(3, [1.0, 5.0], size=(500, 2))
    label = rng.random(500) < 1 / (1 + np.exp(-(rows - 3) @ np.array([1.0, 0.3])))
    weights = rng.random(500)
    found, intercept = fit_rising_logistic(rows, label, weights, 0.5)
    scale = rows.std(axis=0)
    theirs = LogisticRegression(C=0.5, tol=1e-8).fit((rows - rows.mean(axis=0)) / scale, label, sample_weight=weights)
    assert found == pytest.approx(theirs.coef_[0] / scale, rel=1e-3)
    assert intercept == pytest.approx(theirs.intercept_[0] - found @ rows.mean(axis=0), rel=1e-3)
    # What speaks against a match is left out.
    assert fit_rising_logistic(-rows, label, weights, 0.5)[0].tolist() == [0, 0]


def test_what_is_stranger_than_nearly_all_questions_is_less_likely_a_match() -> None:
    values, scores, sizes, label, absent = draw(2000, 0)
    rng = np.random.default_rng(1)
    values[:, -1] = np.repeat(rng.exponential(0.02, 2000), CANDIDATES)
    model = fit_probability(values, scores, sizes, label, absent, ProbabilityParams())
    first = values[::CANDIDATES, -1]
    known, strange = values.copy(), values.copy()
    known[:, -1], strange[:, -1] = np.quantile(first, 0.9), 0.5
    plain = model.estimate(known, scores, sizes)
    left = model.estimate(strange, scores, sizes) / plain
    # No question has as many, so one of 2001: by 20 of them.
    assert left == pytest.approx(20 / 2001, rel=0.05)
    known[:, -1] = np.quantile(first, 0.98)
    assert model.estimate(known, scores, sizes) / plain == pytest.approx(0.02 / 0.05, rel=0.1)


def test_where_all_words_of_all_questions_are_known_any_unknown_one_is_strange() -> None:
    points, left = rate_strangeness(np.zeros(99, dtype=np.float32))
    assert np.interp([0, 1], points, left) == pytest.approx([1, 1 / (1 + 0.05 * 99)])


def test_what_is_stranger_than_all_is_less_likely_where_many_are_the_strangest() -> None:
    points, left = rate_strangeness(np.repeat([0.0, 0.2], [900, 100]).astype(np.float32))
    found = np.interp([0, 0.2, 0.6, 1], points, left)
    assert found == pytest.approx([1, 1, (1 + 1 / 51) / 2, 1 / 51], rel=1e-5)


def test_a_saved_probability_is_the_same() -> None:
    values, scores, sizes, label, absent = draw(200, 0)
    values[:, -1] = np.repeat(np.random.default_rng(1).random(200), CANDIDATES)
    model = fit_probability(values, scores, sizes, label, absent, ProbabilityParams())
    assert MatchProbability.from_dict(json.loads(json.dumps(model.to_dict()))) == model
