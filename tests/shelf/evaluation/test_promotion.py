"""A detector takes the promoted one's place only if it is better by more than chance, on photos new to both."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.shelf.tiny import draw_photo, write_data, write_model
from triptych.registry import Decision, PromotedModel, UnreadableVersionError
from triptych.shelf.data.dataset import select_role
from triptych.shelf.evaluation import promotion
from triptych.shelf.evaluation.promotion import decide_promotion, describe_provenance, hash_photos
from triptych.shelf.model.files import LoadedDetector, load_model
from triptych.shelf.params import EvaluationParams, RegistrationParams

EVALUATION = EvaluationParams(bootstrap_samples=100)


class StoredModel(PromotedModel):
    """A promoted version whose files are at hand."""

    folder: Path

    def download(self, path: str, folder: Path) -> Path:
        found = self.folder / path
        if not found.exists():
            raise UnreadableVersionError(f"{self.uri}/{path} cannot be read: no such file")
        return Path((shutil.copytree if found.is_dir() else shutil.copy)(found, folder / found.name))


def find_some(detector: LoadedDetector, photos: Path, truth: Any, batch_size: int) -> list[dict[str, Any]]:
    """As many of the objects as the detector's description says."""
    return [
        {"image_id": item["image_id"], "category_id": 1, "bbox": item["bbox"], "score": 0.9 - item["id"] / 100}
        for item in truth["annotations"][: detector.info["found"]]
    ]


class Case:
    """Data, a new detector, and a promoted one that found less."""

    def __init__(self, folder: Path) -> None:
        self.photos, self.annotations, self.roles = write_data(folder / "photos", 18)
        self.stored = folder / "stored"
        self.model = write_model(folder / "model", found=6)
        write_model(self.stored / "artifacts/detector", found=3)
        self.write_provenance()

    def write_provenance(self, **changes: Any) -> None:
        provenance = describe_provenance(self.hashes, self.roles) | changes
        (self.stored / "report").mkdir(exist_ok=True)
        (self.stored / "report/provenance.json").write_text(json.dumps(provenance), encoding="utf-8")

    def replace(self, folder: Path, **info: Any) -> None:
        shutil.rmtree(folder)
        write_model(folder, **info)

    def decide(self, **registration: Any) -> Decision:
        promoted = StoredModel("shelf-detector", 4)
        object.__setattr__(promoted, "folder", self.stored)
        params = RegistrationParams(**registration)
        return self.compare(promoted, params)

    def compare(self, promoted: PromotedModel | None, params: RegistrationParams) -> Decision:
        truth = select_role(self.annotations, self.roles, "test")
        found = find_some(load_model(self.model), self.photos, truth, 1)
        data = (self.photos, self.annotations, self.roles, self.hashes)
        return decide_promotion(*data, found, promoted, params, EVALUATION)

    @property
    def hashes(self) -> dict[int, str]:
        return hash_photos(self.photos, self.annotations["images"])

    @property
    def tested(self) -> dict[int, str]:
        return hash_photos(self.photos, select_role(self.annotations, self.roles, "test")["images"])


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Let each detector find as many of the five test objects as its description says."""

    monkeypatch.setattr(promotion, "detect_objects", find_some)
    return Case(tmp_path)


def test_the_first_one_is_promoted(case: Case) -> None:
    decision = case.compare(None, RegistrationParams())
    assert (decision.promoted, decision.compared_with, decision.figures) == (True, None, None)


def test_a_better_one_is_unless_more_is_asked_for(case: Case) -> None:
    case.replace(case.stored / "artifacts/detector", found=0)
    decision = case.decide()
    assert decision.promoted
    record = decision.describe()
    assert (record["compared_with"], record["metric"], record["test_photos"]) == (4, "box.map", 6)
    assert (record["value"], record["current_value"], record["difference"]) == pytest.approx((1, 0, 1))
    assert (record["left_out_photos"], record["same_test_set"]) == (0, True)
    assert record["reason"].startswith("box.map 1.000 against 0.000 of version 4 on 6 test photos: +1.000")
    assert json.loads(json.dumps(record)) == record
    assert not case.decide(min_advantage=1.0).promoted


def test_an_advantage_within_chance_is_none(case: Case) -> None:
    case.replace(case.stored / "artifacts/detector", found=4)
    decision = case.decide(metric="box.map_50")
    assert not decision.promoted
    assert decision.figures
    assert decision.figures["low"] <= 0 < decision.figures["difference"]
    assert "not all above 0" in decision.reason


def test_an_equal_one_is_not_unless_that_is_asked_for(case: Case) -> None:
    case.replace(case.model, found=3)
    assert not case.decide().promoted
    assert case.decide(min_advantage=-0.01).promoted


def test_a_worse_one_is_not(case: Case) -> None:
    case.replace(case.model, found=0)
    decision = case.decide()
    assert not decision.promoted
    assert decision.figures
    assert decision.figures["difference"] < 0


def test_what_the_promoted_one_learned_from_is_left_out(case: Case) -> None:
    hashes = list(case.tested.values())
    case.write_provenance(trained_on=hashes[:2], test_fingerprint="another")
    decision = case.decide()
    assert decision.figures
    assert (decision.figures["test_photos"], decision.figures["left_out_photos"]) == (4, 2)
    assert "2 photos left out that version 4 was trained on; version 4 had another test set" in decision.reason
    # The last one has no objects.
    case.write_provenance(trained_on=hashes[:5])
    decision = case.decide()
    assert not decision.promoted
    assert decision.reason == (
        "no test photo with objects to compare with version 4 on; 5 photos left out that it was trained on"
    )


def test_other_categories_cannot_be_compared(case: Case) -> None:
    case.replace(case.stored / "artifacts/detector", categories=("label",), found=0)
    decision = case.decide()
    assert (decision.promoted, decision.compared_with) == (False, 4)
    assert "promote by hand if this one is better: the detector finds ['label']" in decision.reason


@pytest.mark.parametrize("name", ["artifacts/detector", "report/provenance.json"])
def test_what_cannot_be_read_keeps_its_place(case: Case, name: str) -> None:
    path = case.stored / name
    path.rename(path.with_name("away"))
    decision = case.decide()
    assert not decision.promoted
    assert f"{name} cannot be read" in decision.reason


@pytest.mark.parametrize("file", ["weights.pt", "model.json"])
def test_a_damaged_version_keeps_its_place(case: Case, file: str) -> None:
    for content in (b"", b"nonsense", b"{}", b"\xff"):
        (case.stored / "artifacts/detector" / file).write_bytes(content)
        decision = case.decide()
        assert not decision.promoted
        assert "could not be compared with" in decision.reason


def test_broken_papers_keep_their_place(case: Case) -> None:
    for text in ("no json", "{}", "[]", '{"trained_on": 1, "test_fingerprint": ""}'):
        (case.stored / "report/provenance.json").write_text(text, encoding="utf-8")
        assert not case.decide().promoted


def test_provenance_is_what_photos_hold(case: Case, tmp_path: Path) -> None:
    before = describe_provenance(case.hashes, case.roles)
    assert len(before["trained_on"]) == 12
    assert not set(before["trained_on"]) & set(case.tested.values())
    learned = case.roles.loc[case.roles["role"] == "validation", "file_name"].iloc[0]
    draw_photo(99).save(case.photos / "images" / learned)
    after = describe_provenance(case.hashes, case.roles)
    assert len(set(before["trained_on"]) ^ set(after["trained_on"])) == 2
    assert after["test_fingerprint"] == before["test_fingerprint"]
    moved = pd.DataFrame(case.roles).replace({"role": {"validation": "test"}})
    assert describe_provenance(case.hashes, moved)["test_fingerprint"] != before["test_fingerprint"]
