"""The linear ranker equals logistic regression where lists have two candidates, and keeps its promises elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import approx_fprime
from sklearn.linear_model import LogisticRegression

from triptych.faq.ranking.linear import Lists, train_linear

Drawn = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int8]]


def draw(questions: int, candidates: int, weights: list[float], seed: int = 0) -> Drawn:
    """Draw candidates whose right one is chosen by a softmax of the weighted features."""
    rng = np.random.default_rng(seed)
    values = rng.random((questions, candidates, len(weights))).astype(np.float32)
    scores = values @ np.array(weights) + rng.gumbel(size=(questions, candidates))
    label = (scores == scores.max(axis=1, keepdims=True)).astype(np.int8)
    return values.reshape(-1, len(weights)), np.repeat(np.arange(questions), candidates), label.ravel()


def test_of_two_candidates_it_is_logistic_regression_of_their_difference() -> None:
    values, query, label = draw(400, 2, [3.0, 1.0])
    found = train_linear(values, query, label, penalty=0.05)
    scaled = values / values.std(axis=0)
    difference, first = scaled[::2] - scaled[1::2], label[::2]
    theirs = LogisticRegression(C=1 / (0.05 * 400), fit_intercept=False, tol=1e-8).fit(difference, first)
    assert found * values.std(axis=0) == pytest.approx(theirs.coef_[0], rel=1e-3)


def test_the_weights_that_chose_are_found_and_none_is_negative() -> None:
    found = train_linear(*draw(3000, 10, [6.0, 3.0, 0.0, -2.0]), penalty=1e-4)
    assert found[:2] == pytest.approx([6, 3], rel=0.1)
    assert found[2] < 0.3
    assert found[3] == 0


def test_the_gradient_is_that_of_the_loss() -> None:
    _, query, label = draw(5, 4, [1.0])
    lists = Lists.read(query, label)
    scores = np.random.default_rng(1).normal(size=20)
    expected = approx_fprime(scores, lambda at: lists.lose(at)[0], 1e-6)
    assert lists.lose(scores)[1] == pytest.approx(expected, abs=1e-5)


def test_questions_without_a_right_candidate_teach_nothing() -> None:
    values, query, label = draw(50, 5, [3.0, 1.0])
    expected = train_linear(values, query, label, penalty=0.01)
    more = np.concatenate([values[:20], values]), np.append(np.repeat([-2, -1], 10), query)
    assert train_linear(*more, np.append(np.zeros(20, np.int8), label), 0.01) == pytest.approx(expected)
    assert train_linear(values, query, np.zeros(len(label), np.int8), 0.01).tolist() == [0, 0]


def test_a_feature_that_is_always_the_same_weighs_nothing() -> None:
    values, query, label = draw(50, 5, [3.0, 1.0])
    values[:, 1] = 7
    assert train_linear(values, query, label, 0.01)[1] == 0
