"""The table of times and the way on, in every runner."""

from __future__ import annotations

import importlib
import logging
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from kedro.framework.cli.project import run as run_command
from kedro.framework.hooks import hook_impl
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline
from kedro.runner import AbstractRunner, ParallelRunner, SequentialRunner, ThreadRunner
from kedro_datasets.json import JSONDataset

from triptych.errors import StartAnewError
from triptych.hooks.run_report import RunReport, timing_table
from triptych.node_tags import VERDICT

RUNNERS = pytest.mark.parametrize("runner", [SequentialRunner, ThreadRunner, ParallelRunner])
RunCommand = Callable[..., None]


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="triptych")


@pytest.fixture
def toy(project: Path, tmp_path: Path, restored: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a copy of the throw-away project, into which we go."""
    folder: Path = shutil.copytree(project / "tests" / "toy", tmp_path / "toy")
    monkeypatch.chdir(folder)
    bootstrap_project(folder)
    yield folder
    bootstrap_project(project)


@pytest.fixture
def kedro_run(toy: Path, monkeypatch: pytest.MonkeyPatch) -> RunCommand:
    """Return a function that starts `kedro run` there with some options."""
    settings = f"data_root={toy}/data,mlflow_uri=sqlite:///{toy}/mlflow.db,mlflow_artifacts={toy}/artifacts"

    def run(*options: str) -> None:
        words = list(options) if "--params" in options else [*options, "--params", settings]
        monkeypatch.setattr("sys.argv", ["kedro", "run", *words])
        bootstrap_project(toy)
        run_command.main(words, prog_name="kedro run", standalone_mode=False)

    return run


def fail_at(folder: Path, place: str) -> None:
    """Let a node of the throw-away project fail, or none."""
    path = folder / "conf/local/toy/parameters.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"toy: {{fail: {{at: {place}}}}}", encoding="utf-8")


def printed_command(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Read the words of the command that was logged last."""
    return shlex.split(caplog.messages[-1].splitlines()[-1])


def nodes_run(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message.removeprefix("Running ") for message in caplog.messages if message.startswith("Running toy.")]


@RUNNERS
def test_every_node_and_the_total_are_timed(
    run_toy: Callable[..., Path], caplog: pytest.LogCaptureFixture, runner: type[AbstractRunner]
) -> None:
    run_toy(runner=runner())
    (table,) = [record.getMessage() for record in caplog.records if "Time by node" in record.getMessage()]
    rows = dict(re.findall(r"^  (\S+) +([\d.]+) s", table, flags=re.MULTILINE))
    assert set(rows) == {"toy.draw", "toy.left", "toy.right", "toy.join", "total"}
    assert 0.3 <= float(rows["toy.right"]) <= float(rows["total"])
    assert "go on from there" not in caplog.text
    assert "not finished" not in caplog.text
    assert "Completed node: toy.draw" in caplog.text
    assert "synchronous mode" not in caplog.text
    assert "TRIPTYCH_RUN_JOURNAL" not in os.environ


@RUNNERS
def test_a_failed_run_prints_the_command_that_goes_on(
    kedro_run: RunCommand, toy: Path, caplog: pytest.LogCaptureFixture, runner: type[AbstractRunner]
) -> None:
    fail_at(toy, "right")
    own = [] if runner is SequentialRunner else ["--runner", runner.__name__]
    with pytest.raises(RuntimeError, match="right was told to fail") as caught:
        kedro_run("--pipelines", "toy", *own)
    command = printed_command(caplog)
    assert command[:-4] == ["kedro", "run", "--pipelines", "toy", *own]
    assert command[-2:] == ["--from-nodes", "toy.right"]
    assert "2 of 4 nodes are done" in caplog.text or "3 of 4 nodes are done" in caplog.text
    assert "not finished" in caplog.text
    assert "adding the following argument" not in caplog.text
    if notes := getattr(caught.value, "__notes__", None):
        assert shlex.split(notes[-1].splitlines()[-1]) == command
    fail_at(toy, "nowhere")
    caplog.clear()
    kedro_run(*command[2:])
    assert (toy / "data/joined.json").exists()
    if runner is not ParallelRunner:  # whose processes log for themselves
        assert nodes_run(caplog) == ["toy.right", "toy.join"]


def test_a_run_of_python_is_told_from_which_nodes(
    run_toy: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RuntimeError):
        run_toy(params={"toy": {"fail": {"at": "left"}}})
    assert caplog.messages[-1].splitlines()[-1] == "session.run(..., from_nodes=['toy.left', 'toy.right'])"


def test_what_only_missing_outputs_skipped_is_not_run_again(
    kedro_run: RunCommand, toy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kedro_run("--to-nodes", "toy.right,toy.left")
    (toy / "data/right_numbers.json").unlink()
    fail_at(toy, "right")
    with pytest.raises(RuntimeError):
        kedro_run("--only-missing-outputs")
    command = printed_command(caplog)
    fail_at(toy, "nowhere")
    caplog.clear()
    kedro_run(*command[2:])
    assert nodes_run(caplog) == ["toy.right", "toy.join"]


class Interruption:
    """A hook that is interrupted from the keyboard."""

    @hook_impl(trylast=True)
    def before_node_run(self, node: Node) -> None:
        if node.name == "toy.left":
            raise KeyboardInterrupt


def test_an_interruption_is_reported_when_python_ends(
    kedro_run: RunCommand, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_exit: list[Callable[[], object]] = []
    monkeypatch.setattr("atexit.register", at_exit.append)
    settings = importlib.import_module("toy.settings")
    monkeypatch.setattr(settings, "HOOKS", (*settings.HOOKS, Interruption()))
    with pytest.raises(click.Abort):
        kedro_run("--conf-source", "conf", "--runner-params", "is_async=false")
    (end,) = at_exit
    end()
    command = printed_command(caplog)
    assert command[2:6] == ["--conf-source", "conf", "--runner-params", "is_async=false"]
    assert command[-2:] == ["--from-nodes", "toy.left,toy.right"]
    assert sum("go on from there" in message for message in caplog.messages) == 1


def stream_rows() -> Iterator[Any]:
    yield 1
    raise RuntimeError("no more rows")


def test_a_generator_that_fails_half_way_is_not_done(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    report, hooks = RunReport(), _create_hook_manager()
    hooks.register(report)
    catalog = DataCatalog({"rows": JSONDataset(filepath=str(tmp_path / "rows.json"))})
    pipeline = Pipeline([Node(stream_rows, None, "rows", name="stream_rows")])
    report.before_pipeline_run({}, pipeline, catalog)
    with pytest.raises(RuntimeError, match="no more rows") as caught:
        SequentialRunner().run(pipeline, catalog, hooks)
    report.on_pipeline_error(caught.value)
    assert "0 of 1 nodes are done" in caplog.text


def test_nothing_goes_on_from_a_verdict(caplog: pytest.LogCaptureFixture) -> None:
    pipeline = Pipeline([Node(lambda: 1, None, "a", name="make"), Node(print, "a", None, name="judge", tags=VERDICT)])
    report = RunReport()
    report.before_pipeline_run({}, pipeline, DataCatalog())
    report.before_dataset_loaded(pipeline.nodes[0])
    report.after_node_run(pipeline.nodes[0])
    report.after_dataset_saved("a", pipeline.nodes[0])
    error = ValueError("all are bad")
    report.on_pipeline_error(error)
    assert getattr(error, "__notes__", []) == []
    assert "go on" not in caplog.text


@pytest.mark.parametrize("wrapped", [False, True])
def test_nothing_goes_on_where_the_run_has_to_start_anew(caplog: pytest.LogCaptureFixture, wrapped: bool) -> None:
    report = RunReport()
    report.before_pipeline_run({}, Pipeline([Node(lambda: 1, None, "a", name="make")]), DataCatalog())
    error: Exception = StartAnewError("all trials failed")
    if wrapped:  # as Kedro does with the error of a dataset
        cause, error = error, DatasetError("trials: all trials failed")
        error.__cause__ = cause
    report.on_pipeline_error(error)
    assert getattr(error, "__notes__", []) == []
    assert "Time by node" in caplog.text
    assert "go on" not in caplog.text


def test_an_unfinished_node_counts_up_to_the_end() -> None:
    events = [("a", 0.0, None), ("a", 2.0, "x"), ("bb", 2.0, None)]
    table = timing_table(events, {"a"}, started=0.0, ended=8.0)
    assert table.splitlines() == [
        "  a            2.0 s   25.0%",
        "  bb           6.0 s   75.0%  not finished",
        "  total        8.0 s  100.0%",
    ]
