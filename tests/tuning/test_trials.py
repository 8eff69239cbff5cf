"""Whatever happens to a trial is written down, and nothing of it is left lying about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tuning.toys import make_trial
from triptych.tuning.trials import Outcome, Trial, run_trial

WAITING = Trial(3, "s", "d", {"x": 0.5}, 4)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def succeed(config: dict[str, Any], budget: int, checkpoint: Path | None, folder: Path) -> Outcome:
    (folder / "model").write_text("m")
    return Outcome({"score": 1.0}, {"rounds": 2})


def test_a_finished_trial_has_its_figures_and_its_checkpoint() -> None:
    trial = run_trial(WAITING, succeed)
    assert trial.status == "done"
    (measured,) = trial.history
    assert (measured.budget, measured.metrics, measured.chosen) == (4, {"score": 1.0}, {"rounds": 2})
    assert measured.seconds > 0
    assert trial.seconds == measured.seconds
    assert trial.checkpoint
    assert (trial.checkpoint / "model").read_text() == "m"


def test_the_training_gets_configuration_budget_and_last_checkpoint(tmp_path: Path) -> None:
    seen: list[Any] = []

    def train(config: dict[str, Any], budget: int, checkpoint: Path | None, folder: Path) -> Outcome:
        seen.extend([dict(config), budget, checkpoint, list(folder.iterdir())])
        config.clear()
        return Outcome({"score": 1.0})

    before = make_trial(1, 0.5, status="waiting", checkpoint=tmp_path, budget=7)
    after = run_trial(before, train)
    assert seen == [{"x": 0.1}, 7, tmp_path, []]
    assert after.config == {"x": 0.1}
    assert after.history[:1] == before.history


@pytest.mark.parametrize("error", [ValueError("bad value"), MemoryError("no room"), RuntimeError("CUDA out of memory")])
def test_a_crash_is_recorded_and_leaves_nothing_behind(error: Exception, temporary: Path, tmp_path: Path) -> None:
    def crash(*arguments: Any) -> Outcome:
        (arguments[-1] / "half").write_text("x")
        raise error

    trial = run_trial(make_trial(1, 0.5, status="waiting", checkpoint=tmp_path, budget=7), crash)
    assert trial.status == "failed"
    assert trial.error == f"{type(error).__name__}: {error}"
    assert [measured.metrics for measured in trial.history] == [{"score": 0.5, "second": 0.0}, {}]
    assert trial.checkpoint == tmp_path
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_metric_that_is_no_number_fails_the_trial(value: float) -> None:
    trial = run_trial(WAITING, lambda *_: Outcome({"score": value, "fine": 1.0}))
    assert trial.status == "failed"
    assert "score" in trial.error
    assert "fine" not in trial.error


def test_an_interruption_is_not_a_failure(temporary: Path) -> None:
    def interrupt(*_: Any) -> Outcome:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_trial(WAITING, interrupt)


def test_the_checkpoint_goes_with_the_trial(temporary: Path) -> None:
    trial = run_trial(WAITING, succeed)
    assert len(list(temporary.iterdir())) == 1
    del trial
    assert list(temporary.iterdir()) == []


def test_what_has_failed_is_not_trained() -> None:
    trial = make_trial(1, status="failed")

    def train(*_: Any) -> Outcome:
        raise AssertionError

    assert run_trial(trial, train) is trial


def test_a_trial_survives_json(tmp_path: Path) -> None:
    trial = run_trial(make_trial(1, 0.5, None, status="waiting"), succeed)
    written = json.loads(json.dumps(trial.to_json()))
    assert Trial.from_json(written, trial.checkpoint) == trial
    assert Trial.from_json(written, None).checkpoint is None
