"""The table of times and the way on, in every runner."""

from __future__ import annotations

import logging
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from kedro.framework.cli.project import run as run_command
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.runner import AbstractRunner, ParallelRunner, SequentialRunner, ThreadRunner

from triptych.hooks.journal import NodeTimes
from triptych.hooks.run_report import RunReport, timing_table

RUNNERS = pytest.mark.parametrize("runner", [SequentialRunner, ThreadRunner, ParallelRunner])


def options_of(command: str) -> click.Context:
    """Parse a printed command as `kedro run` would."""
    words = shlex.split(command)
    assert words[:2] == ["kedro", "run"]
    return run_command.make_context("run", words[2:])


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="triptych")


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


@RUNNERS
def test_a_failed_run_names_what_goes_on_from_there(
    run_toy: Callable[..., Path], caplog: pytest.LogCaptureFixture, runner: type[AbstractRunner]
) -> None:
    with pytest.raises(RuntimeError, match="right was told to fail") as caught:
        run_toy("toy", env="test", runner=runner(), params={"toy": {"fail": {"at": "right"}}})
    command = caplog.messages[-1].splitlines()[-1]
    options = options_of(command).params
    assert options["from_nodes"] == ["toy.right"]
    assert options["env"] == "test"
    assert options["pipelines"] == ["toy"]
    assert options["params"]["toy"] == {"fail": {"at": "right"}}
    assert options["runner"] == (None if runner is SequentialRunner else runner.__name__)
    assert "not finished" in caplog.text
    assert "adding the following argument" not in caplog.text
    if notes := getattr(caught.value, "__notes__", None):
        assert notes[-1].splitlines()[-1] == command


def test_the_command_does_go_on(run_toy: Callable[..., Path], caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError):
        run_toy(params={"toy": {"fail": {"at": "left"}}})
    data_root: Path = run_toy(from_nodes=options_of(caplog.messages[-1].splitlines()[-1]).params["from_nodes"])
    assert (data_root / "joined.json").exists()


def test_what_only_missing_outputs_skipped_is_not_run_again(
    run_toy: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    run_toy(to_nodes=["toy.right"])
    data_root = run_toy(to_nodes=["toy.left"])
    (data_root / "right_numbers.json").unlink()
    with pytest.raises(RuntimeError):
        run_toy(only_missing_outputs=True, params={"toy": {"fail": {"at": "right"}}})
    options = options_of(caplog.messages[-1].splitlines()[-1]).params
    assert options["from_nodes"] == ["toy.right"]
    assert options["only_missing_outputs"] is True


def test_the_journal_is_gone_after_the_run(run_toy: Callable[..., Path]) -> None:
    run_toy()
    assert "TRIPTYCH_RUN_JOURNAL" not in os.environ


def test_an_unfinished_node_counts_up_to_the_end() -> None:
    times = {"a": NodeTimes(0.0, 2.0), "bb": NodeTimes(2.0, 2.0)}
    table = timing_table(times, {"a", "c"}, started=0.0, ended=8.0)
    assert table.splitlines() == [
        "  c              -",
        "  a            2.0 s   25.0%",
        "  bb           6.0 s   75.0%  not finished",
        "  total        8.0 s  100.0%",
    ]


def test_an_interruption_is_reported_when_python_ends(
    toy_pipelines: dict[str, Pipeline], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_exit: list[Callable[[], object]] = []
    monkeypatch.setattr("atexit.register", at_exit.append)
    report = RunReport()
    report.before_pipeline_run({}, toy_pipelines["toy"], DataCatalog())
    (end,) = at_exit
    end()
    assert caplog.messages[-1].splitlines()[-1] == "kedro run --from-nodes toy.draw"
    end()
    assert sum("go on from there" in message for message in caplog.messages) == 1
