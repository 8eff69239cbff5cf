"""What the deployments run, with the models of tests/serving."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.deploy.conftest import DEPLOY
from tests.serving.conftest import detector_folder, features, matcher, model_folder, shelf_folder
from tests.shelf.tiny import draw_photo

__all__ = ["detector_folder", "features", "matcher", "model_folder", "shelf_folder"]

CODE = DEPLOY / "endpoints/serving/code"
Start = Callable[[str, Path], ModuleType]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Start:
    """Start a script as Azure ML does: its folder is on the path, the model below another one."""

    def load(name: str, model: Path) -> ModuleType:
        (tmp_path / "mounted").mkdir()
        (tmp_path / "mounted/model").symlink_to(model)
        monkeypatch.setenv("AZUREML_MODEL_DIR", str(tmp_path / "mounted"))
        monkeypatch.syspath_prepend(str(CODE))
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        monkeypatch.delitem(sys.modules, "score", raising=False)
        spec = importlib.util.spec_from_file_location(f"deployed_{name}", CODE / f"{name}.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.init()
        return module

    return load


def test_questions_are_answered(start: Start, model_folder: Path) -> None:
    script = start("score", model_folder)
    question = {"title": "topic3x topic3y", "body": "<p>array</p>"}
    answer = script.run(json.dumps({"dataframe_records": [question], "params": {"top_k": 2}}))
    assert [row["rank"] for row in answer["predictions"]] == [1, 2]
    split = {"columns": ["title"], "data": [["topic3x topic3y"]]}
    assert len(script.run(json.dumps({"dataframe_split": split}))["predictions"]) == 3
    json.dumps(answer)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("no json", "Expecting value"),
        ("[1]", "must be a JSON object"),
        ("{}", "dataframe_records or dataframe_split"),
        ('{"dataframe_records": [{"title": "a"}], "params": 3}', "params must be"),
        ('{"dataframe_records": [{"title": "a"}], "params": {"top_k": 0}}', "top_k must be in"),
        ('{"dataframe_split": {"columns": ["title"], "data": [["a", "b"]]}}', "columns"),
        ('{"dataframe_split": {}}', "needs columns and data"),
    ],
)
def test_wrong_requests_are_refused_with_the_reason(start: Start, model_folder: Path, body: str, message: str) -> None:
    assert message in start("score", model_folder).run(body)["error"]


def test_photos_are_looked_at(start: Start, shelf_folder: Path, tmp_path: Path) -> None:
    draw_photo(1).save(tmp_path / "photo.png")
    image = base64.b64encode((tmp_path / "photo.png").read_bytes()).decode("ascii")
    body = json.dumps({"dataframe_records": [{"image": image}], "params": {"score_threshold": 0.01}})
    for row in start("score", shelf_folder).run(body)["predictions"]:
        assert row["photo"] == 0


def test_a_folder_without_a_model_is_refused(start: Start, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no MLmodel below"):
        start("score", tmp_path / "empty")


def test_tables_are_scored_and_a_broken_one_loses_no_other(start: Start, model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("title,body\ntopic3x topic3y,<p>array</p>\n", encoding="utf-8")
    (tmp_path / "bad.csv").write_text("", encoding="utf-8")
    found = start("batch_score", model_folder).run([str(tmp_path / "bad.csv"), str(tmp_path / "good.csv")])
    assert list(found.columns[:2]) == ["file", "error"]
    assert found["file"].tolist() == ["bad.csv", *["good.csv"] * 3]
    assert found["error"].astype(bool).tolist() == [True, False, False, False]
    assert found["rank"].tolist()[1:] == [1, 2, 3]


def test_photos_of_a_folder_are_scored(start: Start, shelf_folder: Path, tmp_path: Path) -> None:
    draw_photo(1).save(tmp_path / "photo.png")
    (tmp_path / "broken.png").write_bytes(b"no photo")
    found = start("batch_score", shelf_folder).run([str(tmp_path / "broken.png"), str(tmp_path / "photo.png")])
    assert found["error"].tolist()[0].startswith("image 0")
    assert set(found["file"]) <= {"broken.png", "photo.png"}
