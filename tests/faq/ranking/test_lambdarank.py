"""The ranker is monotone, repeatable, and learns from training and tuning questions only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from triptych.faq.evaluation.metrics import rank_right, summarize_ranks
from triptych.faq.params import RankerParams
from triptych.faq.ranking.features import FEATURES
from triptych.faq.ranking.lambdarank import load_booster, make_groups, score_candidates, train_booster

PARAMS = RankerParams(rounds=25, early_stopping_rounds=0, min_child_samples=5, threads=1)


def trees(features: pd.DataFrame, params: RankerParams) -> str:
    """Train and return the model's text without the settings that end it, the threads among them."""
    return str(train_booster(features, params).model_to_string()).split("\nparameters:")[0]


def test_the_same_data_gives_the_same_model_whatever_the_threads(features: pd.DataFrame) -> None:
    first = trees(features, PARAMS)
    assert trees(features, PARAMS) == first
    assert trees(features, PARAMS.replace(threads=2)) == first
    assert trees(features, PARAMS.replace(seed=1)) != first


def test_a_feature_that_rises_never_lowers_the_score(features: pd.DataFrame) -> None:
    model = train_booster(features, PARAMS.replace(rounds=60))
    rng = np.random.default_rng(0)
    rows = features.sample(150, random_state=0).reset_index(drop=True)
    before = score_candidates(model, rows)
    moved = 0
    for name in FEATURES:
        raised = rows.copy()
        raised[name] += rng.choice([0.05, 0.3, 2.0], size=len(rows)).astype(np.float32)
        after = score_candidates(model, raised)
        assert (after >= before - 1e-12).all(), name
        moved += int((after > before).sum())
    assert moved > 100


def test_the_right_originals_come_first(features: pd.DataFrame) -> None:
    model = train_booster(features, PARAMS)
    tested = features[features["role"].str.startswith("test_")]
    query = np.unique(tested["query"], return_inverse=True)[1]
    ranks = rank_right(query, tested["label"].to_numpy(), score_candidates(model, tested), 15)
    assert summarize_ranks(ranks)["mrr"] > 0.8


def test_test_questions_teach_nothing_and_tuning_ones_do(features: pd.DataFrame) -> None:
    def turn(roles: list[str]) -> pd.DataFrame:
        table = features.copy()
        chosen = table["role"].isin(roles)
        table.loc[chosen, "label"] = table.loc[chosen, "label"].to_numpy()[::-1]
        return table

    assert trees(turn(["test_known", "test_unseen"]), PARAMS) == trees(features, PARAMS)
    assert trees(turn(["tune"]), PARAMS) != trees(features, PARAMS)


def test_training_stops_early_on_the_tuning_questions(features: pd.DataFrame) -> None:
    patient = PARAMS.replace(rounds=300, early_stopping_rounds=5)
    assert 1 <= train_booster(features, patient).num_trees() < 300
    # With labels of chance nothing is to be learnt beyond the first trees.
    noise = features.copy()
    tune = noise["role"] == "tune"
    rng = np.random.default_rng(0)
    noise.loc[tune, "label"] = noise[tune].groupby("query")["label"].transform(lambda x: rng.permutation(x.to_numpy()))
    assert train_booster(noise, patient).num_trees() < 60


def test_without_tuning_questions_all_rounds_are_run(features: pd.DataFrame) -> None:
    patient = PARAMS.replace(early_stopping_rounds=2)
    assert train_booster(features[features["role"] != "tune"], patient).num_trees() == PARAMS.rounds
    assert train_booster(features, PARAMS).num_trees() == PARAMS.rounds


def test_a_model_survives_its_text(features: pd.DataFrame) -> None:
    model = train_booster(features, PARAMS)
    restored = load_booster(model.model_to_string())
    assert np.array_equal(score_candidates(model, features), score_candidates(restored, features))


def test_groups_are_the_queries_in_their_order(features: pd.DataFrame) -> None:
    rows = features[features["role"] == "train"]
    data = make_groups(rows).construct()
    assert np.asarray(data.get_group()).tolist() == rows.groupby("query", sort=False).size().tolist()
    assert np.asarray(data.get_label()).tolist() == rows["label"].tolist()


@pytest.mark.parametrize("start", [0, 1, 7])
def test_groups_may_start_at_any_number(features: pd.DataFrame, start: int) -> None:
    rows = features[features["query"] >= start].head(400)
    assert make_groups(rows).construct().num_data() == 400
