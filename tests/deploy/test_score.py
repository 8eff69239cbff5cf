"""What the deployments run, with the models of tests/serving."""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.deploy.collector import StandIn, write_line
from tests.deploy.conftest import DEPLOY
from tests.serving.conftest import detector_folder, features, matcher, model_folder, shelf_folder, video_folder
from tests.shelf.tiny import draw_photo
from triptych.drift.azure_monitor import read_collected
from triptych.drift.comparison import DECIMALS
from triptych.drift.versions import MODEL
from triptych.faq.asked import MEASURES as FAQ_MEASURES
from triptych.serving import faq_export, video_model
from triptych.serving.shelf_model import COLUMNS
from triptych.shelf.scoring.photo_measures import MEASURES as SHELF_MEASURES

__all__ = ["detector_folder", "features", "matcher", "model_folder", "shelf_folder", "video_folder"]

CODE = DEPLOY / "endpoints/serving/code"
Start = Callable[[str, Path], ModuleType]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Start:
    """Start a script as Azure ML does: its folder is on the path, the model below another one."""

    def load(name: str, model: Path) -> ModuleType:
        (tmp_path / "mounted").mkdir()
        (tmp_path / "mounted/model").symlink_to(model)
        monkeypatch.setenv("TRIPTYCH_UNLIMITED", "")  # or it would stay as a script leaves it
        monkeypatch.delenv("TRIPTYCH_UNLIMITED")
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
    nothing = {"dataframe_records": [question], "params": {"top_k": None}}
    assert len(script.run(json.dumps(nothing))["predictions"]) == 3
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


def test_pictures_are_painted(start: Start, video_folder: Path, tmp_path: Path) -> None:
    draw_photo(1).save(tmp_path / "photo.png")
    image = base64.b64encode((tmp_path / "photo.png").read_bytes()).decode("ascii")
    script = start("score", video_folder)
    body = {"dataframe_records": [{"image": image}], "params": {"style": "style2", "strength": 1, "format": "png"}}
    (row,) = script.run(json.dumps(body))["predictions"]
    with Image.open(io.BytesIO(base64.b64decode(row["image"]))) as painted:
        assert (painted.format, *painted.size) == ("PNG", row["width"], row["height"])
    body["params"] = {"style": "nowhere"}
    assert "no style 'nowhere'" in script.run(json.dumps(body))["error"]


def test_a_folder_without_a_model_is_refused(start: Start, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no MLmodel below"):
        start("score", tmp_path / "empty")


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that Azure ML gives a mini-batch."""
    folder = tmp_path / "output"
    folder.mkdir()
    monkeypatch.setenv("AZUREML_BI_OUTPUT_PATH", str(folder))
    return folder


def test_a_long_table_is_scored_whole(start: Start, model_folder: Path, tmp_path: Path, output: Path) -> None:
    pd.DataFrame({"title": ["topic3x"] * 300}).to_csv(tmp_path / "long.csv", index=False)
    start("batch_score", model_folder).run([str(tmp_path / "long.csv")])
    assert len(read_tables(output)) == 900


def read_tables(output: Path) -> pd.DataFrame:
    """Read them as a user does, who has nothing but the files."""
    return pd.concat(map(pd.read_csv, sorted(output.glob("*.csv"))), ignore_index=True)


def test_tables_are_scored_and_a_broken_one_loses_no_other(
    start: Start, model_folder: Path, tmp_path: Path, output: Path
) -> None:
    (tmp_path / "good.csv").write_text("title,body\ntopic3x topic3y,<p>array</p>\n", encoding="utf-8")
    (tmp_path / "bad.csv").write_text("", encoding="utf-8")
    script = start("batch_score", model_folder)
    files = [str(tmp_path / "bad.csv"), str(tmp_path / "good.csv")]
    for _ in range(2):  # Azure ML tries a mini-batch again whose node was taken away
        assert script.run(files) == ["bad.csv", "good.csv"]
    assert len(list(output.iterdir())) == 1
    found = read_tables(output)
    assert list(found.columns[:2]) == ["file", "error"]
    assert found["file"].tolist() == ["bad.csv", *["good.csv"] * 3]
    assert found["error"].notna().tolist() == [True, False, False, False]
    assert found["rank"].tolist()[1:] == [1, 2, 3]


def test_every_photo_of_a_folder_has_a_row(start: Start, shelf_folder: Path, tmp_path: Path, output: Path) -> None:
    draw_photo(1).save(tmp_path / "photo.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "dark.png")
    (tmp_path / "broken.png").write_bytes(b"no photo")
    script = start("batch_score", shelf_folder)
    for names in (["broken.png", "photo.png"], ["dark.png"]):
        script.run([str(tmp_path / name) for name in names])
    found = read_tables(output).set_index("file")
    assert str(found.loc["broken.png", "error"]).startswith("image 0")
    assert set(found.index) == {"broken.png", "photo.png", "dark.png"}
    assert {"category", "score", "x", "y", "width", "height"} <= set(found.columns)


@pytest.mark.parametrize("mount", ["cr/j/0f1c/cap/data-capability/wd/INPUT_folder", "elsewhere"])
def test_files_of_two_folders_may_have_the_same_name(
    mount: str, start: Start, model_folder: Path, tmp_path: Path, output: Path
) -> None:
    """Photos of two stores, say; each mini-batch has one of them."""
    script = start("batch_score", model_folder)
    for folder in ("Filiale Köln", "b"):
        place = tmp_path / mount / folder
        place.mkdir(parents=True)
        (place / "new.CSV").write_text("title\ntopic3x topic3y\n", encoding="utf-8")  # as Windows names it
        script.run([str(place / "new.CSV")])
    found = read_tables(output)
    assert len(found) == 6
    assert found["error"].isna().all()
    if mount != "elsewhere":
        assert set(found["file"]) == {"Filiale Köln/new.CSV", "b/new.CSV"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["dataframe_records", "dataframe_split", "params", "columns", "data", "title", "image", "x"])
requests = st.dictionaries(KEYS, json_values | st.dictionaries(KEYS, json_values, max_size=3), max_size=3)


class Echo:
    """Stands for a model whose own checks are not what is looked at."""

    def predict(self, table: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        return table

    def unwrap_python_model(self) -> Echo:
        return self


@pytest.fixture(scope="module")
def reader() -> ModuleType:
    spec = importlib.util.spec_from_file_location("score_to_fuzz", CODE / "score.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module)["_model"] = Echo()
    return module


@settings(max_examples=300, deadline=None)
@given(requests | json_values)
@example({"dataframe_records": []})
@example({"dataframe_records": {"title": "a"}})
@example({"dataframe_records": [1, 2]})
@example({"dataframe_split": {"columns": 3, "data": [[1]]}})
@example({"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}})
@example({"dataframe_split": {"columns": [[]], "data": [[1]]}})
@example({"dataframe_split": {"columns": [], "data": []}})
def test_whatever_is_asked_is_answered_or_refused(reader: ModuleType, body: Any) -> None:
    answer = reader.run(json.dumps(body))
    assert set(answer) in ({"predictions"}, {"error"})
    assert answer.get("error") != ""


@pytest.mark.parametrize("raw", ["", "\0", "[" * 100_000, '{"dataframe_records": [' + "[" * 100_000, '{"a":1}}', "NaN"])
def test_what_is_no_json_is_refused(reader: ModuleType, raw: str) -> None:
    assert reader.run(raw)["error"]


@pytest.mark.parametrize(
    ("text", "is_refused"), [("\ud800", True), ("x\udfff", True), ("\ud83d\ude00", False), ("\\ud800", False)]
)
@pytest.mark.parametrize("column", ["question_id", "title"])
def test_half_a_character_is_refused(reader: ModuleType, text: str, is_refused: bool, column: str) -> None:
    """JSON can hold one, no text can: the answer could not be written."""
    answer = reader.run(json.dumps({"dataframe_records": [{column: text}]}))
    assert ("half of a character" in answer.get("error", "")) is is_refused


@pytest.mark.parametrize(("levels", "is_refused"), [(14, False), (15, True), (900, True), (100_000, True)])
def test_a_deeply_nested_request_is_refused(reader: ModuleType, levels: int, is_refused: bool) -> None:
    answer = reader.run('{"dataframe_records": [{"title": "a"}], "x": {"y": ' + "[" * (levels) + "]" * levels + "}}")
    assert ("nested more than 16 levels deep" in answer.get("error", "")) is is_refused


def test_an_oversized_request_is_refused_unread(reader: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_CHARACTERS", 10)
    assert reader.run("x" * 11)["error"] == "the request has 11 characters, more than 10: ask in parts"


def test_a_fault_of_the_model_is_no_refusal(reader: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Echo):
        def predict(self, table: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
            raise ValueError("shapes do not match")

    monkeypatch.setattr(reader, "_model", Broken())
    with pytest.raises(ValueError, match="shapes do not match"):
        reader.run('{"dataframe_records": [{"title": "a"}]}')


def stand_in_collectors(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> dict[str, StandIn]:
    collectors = {name: StandIn() for name in ("model_inputs", "model_outputs")}
    for name, collector in collectors.items():
        monkeypatch.setitem(script._collectors, name, collector)
    return collectors


def test_no_texts_or_ids_of_answers_are_collected(reader: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "faq": faq_export._signature(3, "auto").outputs.input_names(),
        "shelf": [*COLUMNS],
        "video": [*video_model.COLUMNS],
    }
    compared = {
        "video": ["width", "height"],
        "faq": ["rank", "score", "probability", "verdict"],
        "shelf": ["category", "score", "x", "y", "width", "height"],
    }
    for workload, columns in answers.items():
        collectors = stand_in_collectors(reader, monkeypatch)
        reader._collect(pd.DataFrame({"title": ["a"]}), pd.DataFrame([[0] * len(columns)], columns=columns), None)
        assert [list(table.columns) for table in collectors["model_outputs"].tables] == [compared[workload]]
        assert collectors["model_inputs"].tables == []  # a model that cannot measure
        if workload == "video":
            continue  # it has no monitor
        monitor = yaml.safe_load((DEPLOY / f"monitoring/{workload}.yml").read_text())["create_monitor"]
        for signal in monitor["monitoring_signals"].values():
            if signal["type"] != "custom":
                assert signal["production_data"]["data_context"] == "model_outputs"
                assert set(signal["features"]) <= set(compared[workload])


@pytest.mark.parametrize("workload", ["faq", "shelf"])
def test_of_what_is_asked_only_figures_are_collected(
    workload: str, start: Start, model_folder: Path, shelf_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = start("score", model_folder if workload == "faq" else shelf_folder)
    collectors = stand_in_collectors(script, monkeypatch)
    draw_photo(1).save(tmp_path / "photo.png")
    image = base64.b64encode((tmp_path / "photo.png").read_bytes()).decode("ascii")
    asked = {"title": "topic3x topic3y", "email": "a@example.org"} if workload == "faq" else {"image": image}
    script.run(json.dumps({"dataframe_records": [asked]}))
    (measured,) = collectors["model_inputs"].tables
    assert len(measured) == 1
    assert not measured.select_dtypes(object).notna().to_numpy().any()
    # As the monitor's first step reads it again.
    now = datetime.now(timezone.utc)
    write_line(tmp_path / "collected", measured, now)
    window = [(now + timedelta(days=days)).isoformat() for days in (-1, 1)]
    read = read_collected(str(tmp_path / "collected"), *window)
    assert list(read.columns) == [*(FAQ_MEASURES if workload == "faq" else SHELF_MEASURES), MODEL]
    pd.testing.assert_frame_equal(read, measured, check_exact=True, check_dtype=False)
    assert script._DECIMALS == DECIMALS
    kept = "".join(path.read_text() for path in (tmp_path / "collected").rglob("*.jsonl"))
    assert "topic3x" not in kept
    assert "example.org" not in kept


def test_what_cannot_be_measured_is_answered(
    start: Start, model_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    script = start("score", model_folder)
    collectors = stand_in_collectors(script, monkeypatch)

    def fail(*_: Any) -> None:
        raise ValueError("no such column")

    monkeypatch.setattr(script._model.unwrap_python_model(), "measure", fail)
    assert script.run('{"dataframe_records": [{"title": "topic3x"}]}')["predictions"]
    assert collectors["model_inputs"].tables == []
    assert len(collectors["model_outputs"].tables) == 1
    assert "no such column" in caplog.text
