"""The rankers that need no trees rank by what they say, chosen without test questions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import label_ranking_average_precision_score

from triptych.faq.ranking.features import SIMILARITIES
from triptych.faq.ranking.fusion import choose_views, mean_reciprocal, score_untrained


def learn(features: pd.DataFrame) -> pd.DataFrame:
    return features[features["role"].isin(["train", "tune"])]


def test_the_mean_reciprocal_rank_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 5, (40, 6)).astype(float)
    right = np.eye(6, dtype=bool)[rng.integers(0, 6, 40)]
    expected = label_ranking_average_precision_score(right, scores)
    assert mean_reciprocal(np.repeat(np.arange(40), 6), right.ravel(), scores.ravel()) == pytest.approx(expected)
    right[0] = False
    assert mean_reciprocal(np.repeat(np.arange(40), 6), right.ravel(), scores.ravel()) < expected
    assert mean_reciprocal(np.zeros(3, dtype=np.int64), np.full(3, False), np.ones(3)) == 0


def test_the_best_view_is_the_best_of_all(features: pd.DataFrame) -> None:
    rows = learn(features)
    single, (first, second, weight) = choose_views(rows)
    query = np.unique(rows["query"], return_inverse=True)[1]
    right = rows["label"].to_numpy() == 1
    judged = {name: mean_reciprocal(query, right, rows[f"{name}.score"].to_numpy(float)) for name in SIMILARITIES}
    assert judged[single] == max(judged.values())
    two = rows[f"{first}.of_best"].to_numpy(float) + weight * rows[f"{second}.of_best"].to_numpy(float)
    assert mean_reciprocal(query, right, two) >= judged[single]


def test_test_labels_choose_nothing(features: pd.DataFrame) -> None:
    tested = features[features["role"].str.startswith("test_")]
    expected = score_untrained(learn(features), tested)
    turned = score_untrained(learn(features), tested.assign(label=tested["label"].to_numpy()[::-1]))
    assert list(turned) == list(expected)
    for name, scores in expected.items():
        assert np.array_equal(turned[name], scores), name


def test_without_questions_to_learn_from_views_are_chosen_all_the_same(features: pd.DataFrame) -> None:
    scores = score_untrained(features.head(0), features[features["role"] == "test_unseen"])
    assert all(np.isfinite(values).all() for values in scores.values())
