"""How the faq workload trains a trial: from where it stood, and only what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.faq.corpora import topical_corpus
from triptych.faq.pairs.splitting import split_pairs
from triptych.faq.params import (
    ProbabilityParams,
    RankerParams,
    RankerSearchParams,
    ReferenceParams,
    ReferenceSearchParams,
    SplitParams,
)
from triptych.faq.ranking.lambdarank import find_rounds, load_booster
from triptych.faq.trials import RankerTrial, ReferenceTrial, score_tuning
from triptych.pipelines.faq.nodes import train_ranker, train_reference
from triptych.pipelines.faq_tune.nodes import run_ranker_trials, run_reference_trials
from triptych.tuning.nodes import Place
from triptych.tuning.space import Dimension
from triptych.tuning.trials import Trial, run_trial


def untouched(settings: Any) -> Any:
    """Give settings none of which a user has set explicitly."""
    return settings.with_fields_set(())


RANKER = RankerParams(rounds=5, early_stopping_rounds=0, min_child_samples=2, threads=1)
REFERENCE = ReferenceParams(match=4, rounds=5, min_child_samples=2, threads=1)


@pytest.fixture(scope="module", name="features")
def features_of_a_fold(features: pd.DataFrame) -> pd.DataFrame:
    return features.assign(fold=0)


def trees(folder: Path) -> int:
    return int(load_booster((folder / "model.txt").read_text()).num_trees())


def folders(tmp_path: Path, count: int) -> list[Path]:
    made = [tmp_path / f"rung{number}" for number in range(count)]
    for folder in made:
        folder.mkdir()
    return made


def test_a_ranker_goes_on_with_the_rounds_it_lacks(features: pd.DataFrame, tmp_path: Path) -> None:
    first, second = folders(tmp_path, 2)
    trial = RankerTrial(features, RANKER)
    assert trial.train({"num_leaves": 4}, 3, None, first).chosen["rounds"] == 3
    before = (first / "model.txt").read_text()
    outcome = trial.train({"num_leaves": 4}, 9, first, second)
    assert (trees(first), trees(second), outcome.chosen["rounds"]) == (3, 9, 9)
    assert (first / "model.txt").read_text() == before

    def first_trees(folder: Path) -> list[Any]:
        return list(load_booster((folder / "model.txt").read_text()).dump_model()["tree_info"][:3])

    assert first_trees(second) == first_trees(first)


def test_early_stopping_chooses_the_rounds_but_keeps_all_for_going_on(features: pd.DataFrame, tmp_path: Path) -> None:
    (folder,) = folders(tmp_path, 1)
    outcome = RankerTrial(features, RANKER).train({"early_stopping_rounds": 4}, 40, None, folder)
    rounds = outcome.chosen["rounds"]
    assert outcome.chosen["early_stopping_rounds"] == 0
    assert 1 <= rounds < 40
    assert trees(folder) == rounds + 4
    params = RANKER.replace(early_stopping_rounds=4, rounds=40)
    # LightGBM's own early stopping chooses the same.
    assert len(train_ranker(features, params, ProbabilityParams(), {})["rounds"]) == 1
    assert train_ranker(features, params, ProbabilityParams(), {})["rounds"] == [rounds]


def test_early_stopping_remembers_the_rounds_before_a_checkpoint(features: pd.DataFrame) -> None:
    params = RANKER.replace(early_stopping_rounds=6, bagging_fraction=1.0, feature_fraction=1.0)
    rows = features[features["fold"] == 0]
    whole = find_rounds(rows, params, 60)
    assert whole.model.num_trees() == whole.rounds + 6
    halfway = find_rounds(rows, params, whole.rounds + 3)
    assert halfway.model.num_trees() == whole.rounds + 3
    resumed = find_rounds(rows, params, 60, halfway)
    assert (resumed.rounds, resumed.score) == (whole.rounds, whole.score)
    assert resumed.model.num_trees() == whole.model.num_trees()
    # One that has stopped, or used up its budget, is not touched again.
    assert find_rounds(rows, params, 1000, resumed) is resumed
    assert find_rounds(rows, params, halfway.model.num_trees(), halfway) is halfway


def test_the_best_of_a_trial_trains_what_the_trial_measured(features: pd.DataFrame, tmp_path: Path) -> None:
    (folder,) = folders(tmp_path, 1)
    config = {"num_leaves": 3, "early_stopping_rounds": 4}
    outcome = RankerTrial(features, RANKER).train(config, 40, None, folder)
    best = {"config": config | outcome.chosen, "data": RankerTrial(features, RANKER).data}
    rankers = train_ranker(features, untouched(RANKER), ProbabilityParams(), best)
    assert rankers["rounds"] == [outcome.chosen["rounds"]]
    assert (rankers["settings"]["num_leaves"], rankers["settings"]["early_stopping_rounds"]) == (3, 0)


def test_what_is_set_explicitly_goes_before_the_best(features: pd.DataFrame) -> None:
    best = {"config": {"num_leaves": 3, "rounds": 2}, "data": RankerTrial(features, RANKER).data}
    rankers = train_ranker(features, untouched(RANKER).replace(rounds=4), ProbabilityParams(), best)
    assert (rankers["rounds"], rankers["settings"]["num_leaves"]) == ([4], 3)


def test_a_best_of_other_data_or_other_settings_is_not_used(features: pd.DataFrame, caplog: Any) -> None:
    ranker = untouched(RANKER)
    best = {"config": {"rounds": 2}, "data": RankerTrial(features.iloc[:-1], RANKER).data}
    assert train_ranker(features, ranker, ProbabilityParams(), best)["rounds"] == [5]
    assert "faq.ranker_best is not used: it was found on other data or features" in caplog.text
    assert train_ranker(features, ranker.replace(tuned="any_data"), ProbabilityParams(), best)["rounds"] == [2]
    stale = {"config": {"leaves": 3}, "data": RankerTrial(features, RANKER).data}
    assert train_ranker(features, ranker, ProbabilityParams(), stale)["rounds"] == [5]
    assert "faq.ranker_best is not used: it names leaves" in caplog.text


@pytest.fixture(scope="module")
def reference_tables(features: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    questions, pairs = topical_corpus()
    return questions, split_pairs(questions, pairs, SplitParams(), 1)


def test_a_reference_goes_on_with_the_rounds_it_lacks(
    features: pd.DataFrame, reference_tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    first, second, whole = folders(tmp_path, 3)
    trial = ReferenceTrial(*reference_tables, features, REFERENCE)
    trial.train({"match": 3}, 2, None, first)
    outcome = trial.train({"match": 3}, 6, first, second)
    assert (trees(first), trees(second), outcome.chosen) == (2, 6, {"rounds": 6})
    # It draws nothing at random but the pairs, so going on is as good as one go.
    assert trial.train({"match": 3}, 6, None, whole).metrics == pytest.approx(outcome.metrics)


def test_the_budget_goes_before_rounds_that_are_in_the_space(
    features: pd.DataFrame, reference_tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    first, second = folders(tmp_path, 2)
    outcome = ReferenceTrial(*reference_tables, features, REFERENCE).train({"rounds": 7}, 2, None, first)
    assert (trees(first), outcome.chosen) == (2, {"rounds": 2})
    assert RankerTrial(features, RANKER).train({"rounds": 7}, 2, None, second).chosen["rounds"] == 2


def test_the_reference_uses_its_best_unless_told_not_to(
    features: pd.DataFrame, reference_tables: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    reference = untouched(REFERENCE)
    data = ReferenceTrial(*reference_tables, features, REFERENCE).data
    best = {"config": {"match": 3, "rounds": 2}, "data": data}
    _, report = train_reference(*reference_tables, features, reference, best)
    assert (report["settings"]["match"], report["settings"]["rounds"]) == (3, 2)
    _, report = train_reference(*reference_tables, features, reference.replace(match=5), best)
    assert (report["settings"]["match"], report["settings"]["rounds"]) == (5, 2)
    _, report = train_reference(*reference_tables, features, reference.replace(tuned=False), best)
    assert report["settings"]["match"] == 4
    _, report = train_reference(*reference_tables, features.iloc[:-1], reference, best)
    assert report["settings"]["match"] == 4


def test_a_wrong_value_fails_that_trial_only(
    features: pd.DataFrame, reference_tables: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    ranker = RankerTrial(features, RANKER)
    failed = run_trial(Trial(0, "s", ranker.data, {"num_leaves": 1}, 3), ranker.train)
    assert failed.status == "failed"
    assert "num_leaves: must be at least 2" in failed.error
    assert run_trial(Trial(1, "s", ranker.data, {"num_leaves": 2}, 3), ranker.train).status == "done"
    reference = ReferenceTrial(*reference_tables, features, REFERENCE)
    other = run_trial(Trial(0, "s", reference.data, {"match": 1}, 3), reference.train)
    assert "match: must be at least 2" in other.error


@pytest.mark.parametrize(
    ("change", "same"), [({"seed": 7}, False), ({"threads": 2, "rounds": 9, "tuned": False}, True)]
)
def test_trials_of_other_settings_are_of_another_search(
    features: pd.DataFrame, reference_tables: tuple[pd.DataFrame, pd.DataFrame], change: dict[str, Any], same: bool
) -> None:
    space = {"min_child_samples": Dimension(kind="int", low=2, high=9)}
    given: dict[str, Any] = {"max_budget": 16, "metric": "mrr", "tie_breaker": "mrr", "space": space}
    search, place = RankerSearchParams(**given), Place(0, 0, (4, 4, 1))
    ranker = {run_ranker_trials(search, features, it, place=place).search for it in (RANKER, RANKER.replace(**change))}
    of_reference = ReferenceSearchParams(**given)
    reference = {
        run_reference_trials(of_reference, *reference_tables, features, it, place=place).search
        for it in (REFERENCE, REFERENCE.replace(**change))
    }
    assert (len(ranker) == 1, len(reference) == 1) == (same, same)


def test_a_name_that_is_no_setting_is_refused_with_the_parameters() -> None:
    given: dict[str, Any] = {"max_budget": 9, "metric": "mrr", "tie_breaker": "mrr"}
    space = {"leaves": Dimension(kind="int", low=2, high=3)}
    for kind, block in ((RankerSearchParams, "RankerParams"), (ReferenceSearchParams, "ReferenceParams")):
        with pytest.raises(ValueError, match=f"^space: names leaves; {block} has .*min_child_samples"):
            kind.read({**given, "space": space})


@pytest.mark.parametrize(
    ("dimension", "said"),
    [
        ({"kind": "uniform", "low": 4, "high": 8}, "num_leaves: must be a whole number, got 4.0"),
        ({"kind": "log_int", "low": 1, "high": 8}, "num_leaves: must be at least 2, got 1"),
        ({"kind": "choice", "values": [4, "many"]}, "num_leaves: must be a whole number, got 'many'"),
    ],
)
def test_values_that_no_trial_could_be_trained_with_are_refused_with_the_parameters(
    dimension: dict[str, Any], said: str
) -> None:
    given: dict[str, Any] = {"max_budget": 16, "metric": "mrr", "tie_breaker": "mrr"}
    fine = {"num_leaves": {"kind": "int", "low": 2, "high": 9}, "learning_rate": {"kind": "choice", "values": [1]}}
    assert RankerSearchParams.read({**given, "space": fine}).space["num_leaves"].low == 2
    with pytest.raises(ValueError, match=said):
        RankerSearchParams.read({**given, "space": {"num_leaves": dimension}})


def test_a_trial_scores_the_tuning_questions_only(features: pd.DataFrame, tmp_path: Path) -> None:
    (folder,) = folders(tmp_path, 1)
    shuffled = features.copy()
    tested = shuffled["role"].str.startswith("test_")
    shuffled.loc[tested, "label"] = np.random.default_rng(0).permutation(shuffled.loc[tested, "label"])
    outcomes = [RankerTrial(table, RANKER).train({}, 3, None, folder) for table in (features, shuffled)]
    assert outcomes[0] == outcomes[1]
    assert set(outcomes[0].metrics) >= {"gain_at_3", "mrr"}


def test_scores_of_tuning_questions() -> None:
    tune = pd.DataFrame({"query": [7, 7, 8, 8, 8, 9, 9], "label": [0, 1, 1, 0, 0, 0, 0]})
    figures = score_tuning(tune, np.array([0.1, 0.9, 0.1, 0.5, 0.9, 0.3, 0.2]))
    # Ranks 1, 3, and 4 for the question whose original was not retrieved: just behind the longest list.
    assert figures["mrr"] == pytest.approx((1 + 1 / 3 + 1 / 4) / 3)
    assert figures["gain_at_3"] == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="faq.split.tune_share"):
        score_tuning(tune.head(0), np.empty(0))


def test_a_search_without_tuning_questions_says_so_before_its_trials(
    features: pd.DataFrame, reference_tables: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    without = features[features["role"] != "tune"]
    with pytest.raises(ValueError, match=r"a search needs tuning questions.*raise faq\.split\.tune_share"):
        RankerTrial(without, RANKER)
    with pytest.raises(ValueError, match=r"a search needs tuning questions.*raise faq\.split\.tune_share"):
        ReferenceTrial(*reference_tables, without, REFERENCE)


def test_the_checkpoint_is_readable_text(features: pd.DataFrame, tmp_path: Path) -> None:
    (folder,) = folders(tmp_path, 1)
    RankerTrial(features, RANKER).train({"early_stopping_rounds": 4}, 9, None, folder)
    assert set(json.loads((folder / "boosting.json").read_text())) == {"rounds", "score"}
