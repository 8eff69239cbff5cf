"""A trial on disk is whole or not there."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from triptych.datasets.trial import TrialDataset
from triptych.tuning.trials import Measurement, Trial


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    checkpoint = tmp_path / "checkpoint"
    (checkpoint / "deep").mkdir(parents=True)
    (checkpoint / "deep" / "model").write_bytes(b"\x00m")
    history = (Measurement(3, {"score": 0.1 + 0.2}, 1.5, {"rounds": 2}), Measurement(9, {}, 0.5))
    config = {"rate": 1e-5, "flag": True, "name": "ü", "n": 3}
    return Trial(2, "abc", config, 9, "done", history, "", checkpoint)


def test_what_is_saved_is_loaded_with_a_copy_of_the_checkpoint(trial: Trial, tmp_path: Path) -> None:
    dataset = TrialDataset(filepath=tmp_path / "deeper" / "trial")
    assert not dataset.exists()
    dataset.save(trial)
    assert dataset.exists()
    shutil.rmtree(tmp_path / "checkpoint")
    loaded = dataset.load()
    assert loaded.checkpoint is not None
    assert loaded.checkpoint.is_relative_to(tmp_path / "deeper" / "trial")
    assert (loaded.checkpoint / "deep" / "model").read_bytes() == b"\x00m"
    assert replace(loaded, checkpoint=trial.checkpoint) == trial


def test_a_trial_without_a_checkpoint_has_none_after_loading(trial: Trial, tmp_path: Path) -> None:
    dataset = TrialDataset(filepath=tmp_path / "trial")
    dataset.save(trial)
    dataset.save(replace(trial, checkpoint=None))
    assert dataset.load().checkpoint is None


def test_a_trial_may_be_saved_where_it_was_loaded_from(trial: Trial, tmp_path: Path) -> None:
    dataset = TrialDataset(filepath=tmp_path / "trial")
    dataset.save(trial)
    dataset.save(dataset.load())
    checkpoint = dataset.load().checkpoint
    assert checkpoint
    assert (checkpoint / "deep" / "model").exists()


@pytest.mark.parametrize("broken", ["shutil.copytree", "json.dumps"])
def test_a_save_that_breaks_leaves_what_was_there(
    broken: str, trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = TrialDataset(filepath=tmp_path / "to" / "trial")
    dataset.save(replace(trial, number=1))

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(broken, fail)
        with pytest.raises(DatasetError, match="disk full"):
            dataset.save(trial)
    assert dataset.load().number == 1
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["trial"]


def test_a_folder_without_a_record_is_no_trial(tmp_path: Path) -> None:
    (tmp_path / "trial").mkdir()
    dataset = TrialDataset(filepath=tmp_path / "trial")
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="holds no trial: run the search from its start"):
        dataset.load()


def test_the_record_is_readable(trial: Trial, tmp_path: Path) -> None:
    TrialDataset(filepath=tmp_path / "trial").save(trial)
    record = json.loads((tmp_path / "trial" / "trial.json").read_text(encoding="utf-8"))
    assert record["config"] == trial.config
    assert record["history"][0]["metrics"] == {"score": 0.1 + 0.2}
