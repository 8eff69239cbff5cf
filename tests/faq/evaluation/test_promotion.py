"""A ranker takes the promoted one's place only if it is better by more than chance."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.faq.corpora import topical_corpus
from triptych.faq.evaluation.promotion import decide_promotion, describe_provenance
from triptych.faq.pairs.splitting import split_pairs
from triptych.faq.params import EvaluationParams, RankerParams, RegistrationParams, SplitParams
from triptych.faq.ranking.features import FEATURES
from triptych.faq.ranking.ranker import Mix, Ranker, train_parts
from triptych.registry import PromotedModel, UnreadableVersionError

EVALUATION = EvaluationParams(bootstrap_samples=200)
GOOD = RankerParams(rounds=10, min_child_samples=5, threads=1)
# So few splits are allowed that every candidate scores the same.
CONSTANT = RankerParams(rounds=1, min_child_samples=1_000_000, threads=1)


class StoredModel(PromotedModel):
    """A promoted version whose files are at hand."""

    files: dict[str, str]

    def read_text(self, path: str) -> str:
        if path not in self.files:
            raise UnreadableVersionError(f"{self.uri}/{path} cannot be read: no such file")
        return self.files[path]


def store(files: dict[str, str]) -> StoredModel:
    model = StoredModel("faq-matcher", 4)
    object.__setattr__(model, "files", files)
    return model


@pytest.fixture(scope="module", name="features")
def features_of_a_fold(features: pd.DataFrame) -> pd.DataFrame:
    """Return the candidates as rows of the first fold."""
    return features.assign(fold=0)


@pytest.fixture(scope="module")
def roles() -> pd.DataFrame:
    """The roles the features were made of."""
    return split_pairs(*topical_corpus(), SplitParams(), 1)


@pytest.fixture
def files(features: pd.DataFrame, roles: pd.DataFrame) -> dict[str, str]:
    """The files of a promoted version with the good ranker."""
    return {
        "artifacts/matcher/ranker.json": json.dumps(train(features, GOOD).to_dict()),
        "report/provenance.json": json.dumps(describe_provenance(features, roles)),
    }


def train(features: pd.DataFrame, params: RankerParams) -> Ranker:
    return train_parts(features, params, Mix(1, 0))


def change_provenance(files: dict[str, str], **changes: Any) -> None:
    files["report/provenance.json"] = json.dumps(json.loads(files["report/provenance.json"]) | changes)


def decide(features: pd.DataFrame, roles: pd.DataFrame, files: dict[str, str] | None, **options: Any) -> Any:
    ranker = train(features, options.pop("ranker", GOOD))
    promoted = None if files is None else store(files)
    return decide_promotion(ranker, features, roles, promoted, RegistrationParams(**options), EVALUATION)


def test_the_first_one_is_promoted(features: pd.DataFrame, roles: pd.DataFrame) -> None:
    decision = decide(features, roles, None)
    assert (decision.promoted, decision.compared_with, decision.figures) == (True, None, None)


def test_a_worse_one_is_not_and_the_figures_say_so(
    features: pd.DataFrame, roles: pd.DataFrame, files: dict[str, str]
) -> None:
    decision = decide(features, roles, files, ranker=CONSTANT)
    assert not decision.promoted
    record = decision.describe()
    tested = features.loc[features["role"].str.startswith("test_"), "question_id"].nunique()
    assert (record["compared_with"], record["metric"], record["test_questions"]) == (4, "mrr", tested)
    assert record["difference"] == pytest.approx(record["value"] - record["current_value"])
    assert record["low"] <= record["difference"] <= record["high"] < 0
    assert (record["left_out_questions"], record["same_test_set"]) == (0, True)
    assert f"on {tested} test questions" in record["reason"]
    assert json.loads(json.dumps(record)) == record


def test_an_equal_one_is_not_unless_that_is_asked_for(
    features: pd.DataFrame, roles: pd.DataFrame, files: dict[str, str]
) -> None:
    assert not decide(features, roles, files).promoted
    assert decide(features, roles, files, min_advantage=-0.01).promoted


def test_a_better_one_is_unless_more_is_asked_for(
    features: pd.DataFrame, roles: pd.DataFrame, files: dict[str, str]
) -> None:
    files["artifacts/matcher/ranker.json"] = json.dumps(train(features, CONSTANT).to_dict())
    decision = decide(features, roles, files, metric="gain_at_1")
    assert decision.promoted
    assert decision.figures["low"] > 0
    assert not decide(features, roles, files, metric="gain_at_1", min_advantage=decision.figures["low"]).promoted


def test_what_the_promoted_one_was_trained_on_is_left_out(
    features: pd.DataFrame, roles: pd.DataFrame, files: dict[str, str]
) -> None:
    tested = np.unique(features.loc[features["role"].str.startswith("test_"), "question_id"]).tolist()
    change_provenance(files, trained_on=tested[:2], test_fingerprint="another")
    decision = decide(features, roles, files)
    assert decision.figures["test_questions"] == len(tested) - 2
    assert decision.figures["left_out_questions"] == 2
    assert "2 questions left out that version 4 was trained on; version 4 had another test set" in decision.reason
    change_provenance(files, trained_on=tested)
    decision = decide(features, roles, files)
    assert not decision.promoted
    assert decision.reason == "version 4 was trained on every question of this test set"


def test_what_cannot_be_compared_gives_way(features: pd.DataFrame, roles: pd.DataFrame, files: dict[str, str]) -> None:
    change_provenance(files, features=FEATURES[:-1])
    decision = decide(features, roles, files, ranker=CONSTANT)
    assert (decision.promoted, decision.compared_with) == (True, 4)
    assert "other features" in decision.reason


@pytest.mark.parametrize("name", ["artifacts/matcher/ranker.json", "report/provenance.json"])
def test_what_cannot_be_read_keeps_its_place(
    features: pd.DataFrame, roles: pd.DataFrame, files: dict[str, str], name: str
) -> None:
    del files[name]
    decision = decide(features, roles, files)
    assert not decision.promoted
    assert "promote by hand" in decision.reason
    assert name in decision.reason


def test_broken_papers_keep_their_place(features: pd.DataFrame, roles: pd.DataFrame, files: dict[str, str]) -> None:
    for text in ("no json", "{}"):
        assert not decide(features, roles, files | {"report/provenance.json": text}).promoted


def test_provenance_lists_all_that_was_learned_from(features: pd.DataFrame, roles: pd.DataFrame) -> None:
    provenance = describe_provenance(features, roles)
    learned = set(features.loc[features["role"].isin(["train", "tune"]), "question_id"])
    tested = set(features.loc[features["role"].str.startswith("test_"), "question_id"])
    assert learned <= set(provenance["trained_on"])
    assert not tested & set(provenance["trained_on"])


@pytest.mark.parametrize("changes", [{"name": ""}, {"name": "a b"}, {"name": "a/b"}, {"min_advantage": 1.5}])
def test_wrong_parameters_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        RegistrationParams(**changes)
