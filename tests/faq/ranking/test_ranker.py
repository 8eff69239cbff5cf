"""Two models are added up as cross-validation says, which never sees what it judges."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from triptych.faq.params import ProbabilityParams, RankerParams
from triptych.faq.ranking import training
from triptych.faq.ranking.features import FEATURES
from triptych.faq.ranking.plans import LEARNED
from triptych.faq.ranking.ranker import Mix, Ranker, choose_mix, cross_score, train_parts
from triptych.faq.ranking.training import TrainedRanker, draw_queries, train_fold

PARAMS = RankerParams(rounds=5, min_child_samples=5, threads=1)


@pytest.fixture(scope="module")
def learned(features: pd.DataFrame) -> pd.DataFrame:
    return features[features["role"].isin(LEARNED)].reset_index(drop=True)


@pytest.fixture(scope="module")
def ranker(features: pd.DataFrame) -> Ranker:
    return train_parts(features, PARAMS, Mix(0.7, 0.4))


def test_the_score_is_the_weighted_sum(ranker: Ranker, learned: pd.DataFrame) -> None:
    values = learned[FEATURES].to_numpy(np.float32)
    expected = 0.7 * np.asarray(ranker.booster.predict(values)) + 0.4 * values @ ranker.weights
    assert ranker.score_table(learned) == pytest.approx(expected)


def test_equal_candidates_score_the_same_in_any_place(ranker: Ranker) -> None:
    rng = np.random.default_rng(0)
    for count in range(2, 40):
        row = rng.random((1, len(FEATURES)), dtype=np.float32)
        weighted = replace(ranker, weights=rng.random(len(FEATURES)))
        assert (weighted.score(np.repeat(row, count, axis=0)) == weighted.score(row)).all()


def test_a_feature_that_rises_never_lowers_the_score(ranker: Ranker, learned: pd.DataFrame) -> None:
    values = learned[FEATURES].to_numpy(np.float32)[:100]
    before = ranker.score(values)
    for column in range(len(FEATURES)):
        raised = values.copy()
        raised[:, column] += 0.3
        assert (ranker.score(raised) >= before - 1e-12).all()


def test_it_survives_json(features: pd.DataFrame, learned: pd.DataFrame) -> None:
    trained, report = train_fold(features, PARAMS, ProbabilityParams())
    restored = TrainedRanker.from_dict(json.loads(json.dumps(trained.to_dict())))
    assert np.array_equal(restored.ranker.score_table(learned), trained.ranker.score_table(learned))
    assert restored.probability == trained.probability
    assert set(report) == {"lambdarank", "linear", "both"}
    assert all(0 < mrr <= 1 for mrr in report.values())


def test_what_is_judged_was_not_learned(learned: pd.DataFrame) -> None:
    """A feature that is the label in one group only helps nobody else: others must not be scored by it."""
    groups = learned["group"].unique()
    leaked = learned.copy()
    name = "original.title.score"
    own = leaked["group"] == groups[0]
    plain = cross_score(learned, PARAMS)
    # Whatever is right in that group, its own scores come from models that did not see it.
    leaked.loc[own, "label"] = leaked.loc[own, "label"].to_numpy()[::-1]
    assert np.array_equal(cross_score(leaked, PARAMS)[own], plain[own])
    assert not np.array_equal(cross_score(leaked, PARAMS)[~own], plain[~own])
    assert name in FEATURES


def test_one_group_is_scored_by_what_it_taught(learned: pd.DataFrame) -> None:
    scores = cross_score(learned.assign(group=0), PARAMS)
    expected = train_parts(learned, PARAMS, Mix(1, 1)).score_parts(learned[FEATURES].to_numpy(np.float32))
    assert np.array_equal(scores, expected)


QUERY = np.repeat(np.arange(200), 5)
LABEL = np.tile(np.array([0, 0, 1, 0, 0], dtype=np.int8), 200)


def test_the_model_that_knows_nothing_is_left_out() -> None:
    rng = np.random.default_rng(0)
    telling, noise = LABEL * 2.0 + rng.gumbel(size=1000), rng.normal(size=1000)
    mix, report = choose_mix(np.column_stack([noise, telling]), QUERY, LABEL, "auto")
    assert mix.lambdarank == pytest.approx(0, abs=0.1)
    assert mix.linear > 0.5
    assert report["linear"] > report["lambdarank"]
    assert report["both"] == pytest.approx(report["linear"], abs=0.02)


def test_two_that_know_different_things_are_better_together() -> None:
    rng = np.random.default_rng(0)
    scores = LABEL[:, None] * 1.5 + rng.normal(size=(1000, 2))
    mix, report = choose_mix(scores, QUERY, LABEL, "auto")
    assert min(mix) > 0.5
    assert report["both"] > max(report["linear"], report["lambdarank"])


@pytest.mark.parametrize("method", ["lambdarank", "linear"])
def test_one_alone_may_be_asked_for(method: str) -> None:
    scores = LABEL[:, None] * 1.5 + np.random.default_rng(0).normal(size=(1000, 2))
    mix = choose_mix(scores, QUERY, LABEL, method)[0]._asdict()
    assert mix.pop(method) > 0.5
    assert list(mix.values()) == [0]


def test_of_many_questions_some_are_drawn_with_their_copies(
    learned: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert draw_queries(learned, 0) is learned
    monkeypatch.setattr(training, "MOST_QUERIES", 20)
    drawn = draw_queries(learned, 0)
    assert 5 <= drawn["query"].nunique() <= 35
    kept = learned[learned["question_id"].isin(drawn["question_id"])]
    pd.testing.assert_frame_equal(drawn, kept)
