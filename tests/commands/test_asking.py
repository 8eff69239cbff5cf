from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.commands.conftest import Call
from tests.conftest import ROOT
from triptych.commands.asking import to_text
from triptych.commands.cli import ask
from triptych.commands.promoted import find_project
from triptych.faq.matcher import FaqMatcher
from triptych.registry import Decision, NewVersion, register

QUESTION = "topic3x topic3y"


def test_the_matches_are_those_of_the_matcher(call: Call, matcher_folder: Path, matcher: FaqMatcher) -> None:
    words = (QUESTION, "--body", "<p>array <code>loop</code></p>", "--top", 2, "--model", matcher_folder)
    given = json.loads(call(ask, *words, "--json").stdout)
    clean = pd.DataFrame({"question_id": [1], "title": [QUESTION], "text": ["array loop"], "code": ["loop"]})
    expected = matcher.match(clean, 2).drop(columns="question_id")
    assert given["question"] == QUESTION
    pd.testing.assert_frame_equal(pd.DataFrame(given["matches"]), expected, check_dtype=False)
    shown = call(ask, *words).stdout
    best = expected.iloc[0]
    assert f"1. {best['title']}\n   {best['verdict']}, probability {best['probability']:.2f}" in shown
    assert f"question {best['original_id']}\n" in shown


def test_more_of_the_question_may_come_from_a_pipe(call: Call, matcher_folder: Path) -> None:
    words = ("--top", 1, "--json", "--model", matcher_folder)
    piped = call(ask, "Ünlöckbar? 日本", "--body", "-", *words, input="topic8z topic8x\n")
    assert json.loads(piped.stdout)["matches"][0]["original_id"] == 1080


def test_the_promoted_version_is_taken(
    call: Call,
    matcher_folder: Path,
    empty_tracking: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    restored: None,
) -> None:
    import mlflow

    address = f"sqlite:///{shutil.copy(empty_tracking, tmp_path / 'mlflow.db')}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    failed = call(ask, QUESTION, code=1).stderr
    assert f"no version of faq-matcher is promoted in {address}: run `kedro run --pipelines faq` in" in failed

    def write(folder: Path) -> None:
        shutil.copytree(matcher_folder, folder / "artifacts" / "matcher")
        (folder / "MLmodel").write_text("flavors: {}\n")

    mlflow.set_tracking_uri(address)
    mlflow.create_experiment("here", artifact_location=str(tmp_path / "artifacts"))
    mlflow.set_experiment("here")
    new: dict[str, Any] = {"report": {}, "metrics": {}, "parameters": {}, "tags": {}}
    register(NewVersion("faq-matcher", write, decision=Decision(True, "because"), **new))
    promoted = json.loads(call(ask, QUESTION, "--top", 1, "--json").stdout)
    saved = next(iter((tmp_path / "artifacts").rglob("MLmodel"))).parent
    for folder in (matcher_folder, saved):  # its own files, and as MLflow saves it
        given = json.loads(call(ask, QUESTION, "--top", 1, "--json", "--model", folder).stdout)
        assert given == promoted


def test_where_no_registry_is_none_is_made(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    assert "no version of faq-matcher is promoted" in call(ask, QUESTION, code=1).stderr
    assert not (tmp_path / "none.db").exists()


def test_what_is_wrong_is_said(call: Call, matcher_folder: Path, tmp_path: Path) -> None:
    assert "the question has no text" in call(ask, " \n", "--model", matcher_folder, code=1).stderr
    assert f"{tmp_path} holds no model" in call(ask, QUESTION, "--model", tmp_path, code=1).stderr
    (tmp_path / "about.json").write_text('{"format": 1}')
    assert "has format 1" in call(ask, QUESTION, "--model", tmp_path, code=1).stderr
    call(ask, code=2)
    call(ask, QUESTION, "--model", tmp_path / "none", code=2)


def test_what_is_no_utf_8_loses_no_other_word(call: Call, matcher_folder: Path) -> None:
    words = ("--top", 1, "--json", "--model", matcher_folder)
    piped = call(ask, "caf\udce9", "--body", "-", *words, input=b"topic8z \xff\xfe topic8x\n")
    assert json.loads(piped.stdout_bytes.decode("utf-8", "replace"))["matches"][0]["original_id"] == 1080


def test_the_registry_may_be_named_by_a_variable(
    call: Call, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    shutil.copytree(ROOT / "conf" / "base", project / "conf" / "base")
    (project / "conf" / "local").mkdir()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("WHERE", "sqlite:///none.db")
    monkeypatch.setattr("triptych.commands.promoted.find_project", lambda: project)
    written = project / "conf" / "local" / "mlflow.yml"
    for text, message in {
        "server: {mlflow_tracking_uri: '${oc.env:WHERE}'}": f"is promoted in sqlite:///{project / 'none.db'}",
        "server: {mlflow_tracking_uri: null}": "names no registry in mlflow.yml",
        "server: {x: 1}": "lacks something: 'mlflow_tracking_uri'",
        "server: [": "cannot be read",
    }.items():
        written.write_text(text)
        assert message in call(ask, QUESTION, code=1).stderr


def test_an_answer_is_text_with_its_code_as_it_was() -> None:
    answer = (
        "<p>Take   <code>a &lt; b</code>,\nthen <a href='x'>go</a>.</p><pre><code>if x:\n    y()\n\n</code></pre>"
        "<ul><li>one</li><li>two</li></ul>&amp; so on<script>\x1b[2J\x9b31m\a</script>"
    )
    assert to_text(answer, indent="  ") == (
        "  Take a < b, then go.\n\n      if x:\n          y()\n\n  one\n\n  two\n\n  & so on[2J31m"
    )
    assert to_text("") == to_text("<p> </p>") == ""
    assert to_text("word " * 40, width=20).count("\n") == 9


def test_the_project_is_found_from_below_and_from_elsewhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "tests" / "commands")
    assert find_project() == project
    monkeypatch.chdir("/")
    assert find_project() == project
