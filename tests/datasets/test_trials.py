"""A trial on disk is whole or not there, and an earlier search's stay until there is a new one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from triptych.datasets.trials import TrialsDataset
from triptych.tuning.trials import Outcome, Trial, TrialBatch


class Killed(BaseException):
    """Not to be caught, like the end of the process."""


def train(config: dict[str, Any], budget: int, checkpoint: Path | None, folder: Path) -> Outcome:
    if config.get("bad"):
        raise ValueError("bad")
    (folder / "deep").mkdir()
    (folder / "deep" / "model").write_bytes(b"\x00m")
    return Outcome({"score": 0.1 + 0.2}, {"rounds": 2})


def kill_at(number: int) -> Callable[..., Outcome]:
    def train_or_die(config: dict[str, Any], *others: Any) -> Outcome:
        if config["n"] == number:
            raise Killed
        return train(config, *others)

    return train_or_die


def trials(*numbers: int, search: str = "s") -> list[Trial]:
    return [Trial(n, search, "d", {"n": n, "rate": 1e-5, "flag": True, "name": "ü"}, 9) for n in numbers]


def batch(*numbers: int, search: str = "s", run_id: str = "", train: Any = train) -> TrialBatch:
    return TrialBatch(trials(*numbers, search=search), train, run_id)


def scores(dataset: TrialsDataset) -> list[tuple[int, str]]:
    return [(trial.number, trial.search) for trial in dataset.load()]


def times(folder: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("trial_*/trial.json")}


def test_what_is_saved_is_trained_and_loaded_with_a_copy_of_the_checkpoint(tmp_path: Path) -> None:
    dataset = TrialsDataset(filepath=tmp_path / "deeper" / "trials")
    assert not dataset.exists()
    told: list[Trial] = []
    dataset.save(replace(batch(3, 7), listeners=[told.append]))
    assert dataset.exists()
    loaded = dataset.load()
    assert [trial.number for trial in told] == [3, 7]
    for trial, before in zip(loaded, told, strict=True):
        assert trial.status == "done"
        assert trial.checkpoint is not None
        assert trial.checkpoint.is_relative_to(tmp_path / "deeper" / "trials")
        assert (trial.checkpoint / "deep" / "model").read_bytes() == b"\x00m"
        assert replace(trial, checkpoint=before.checkpoint) == before


def test_a_trial_that_fails_is_kept_with_its_error_and_the_others_are_trained(tmp_path: Path) -> None:
    dataset = TrialsDataset(filepath=tmp_path / "trials")
    dataset.save(TrialBatch([replace(trial, config={"bad": trial.number == 0}) for trial in trials(0, 1)], train))
    failed, done = dataset.load()
    assert (failed.status, failed.error, failed.checkpoint) == ("failed", "ValueError: bad", None)
    assert done.status == "done"


def test_the_record_is_readable(tmp_path: Path) -> None:
    TrialsDataset(filepath=tmp_path / "trials").save(batch(3))
    record = json.loads((tmp_path / "trials" / "trial_003" / "trial.json").read_text(encoding="utf-8"))
    assert record["config"] == {"n": 3, "rate": 1e-5, "flag": True, "name": "ü"}
    assert record["history"][0]["metrics"] == {"score": 0.1 + 0.2}


def test_what_is_not_complete_is_not_there(tmp_path: Path) -> None:
    dataset = TrialsDataset(filepath=tmp_path / "trials")
    with pytest.raises(Killed):
        dataset.save(batch(0, 1, 2, train=kill_at(2)))
    assert sorted(times(tmp_path / "trials")) == ["trial_000", "trial_001"]
    assert not dataset.exists()
    with pytest.raises(DatasetError, match="does not hold all of its trials: run the search from its start"):
        dataset.load()


def test_a_search_that_goes_on_trains_what_is_not_there(tmp_path: Path) -> None:
    dataset = TrialsDataset(filepath=tmp_path / "trials")
    with pytest.raises(Killed):
        dataset.save(batch(0, 1, 2, train=kill_at(2), run_id="first"))
    before = times(tmp_path / "trials")
    dataset.save(batch(0, 1, 2))
    after = times(tmp_path / "trials")
    assert {name: after[name] for name in before} == before
    assert dataset.exists()
    assert len(dataset.load()) == 3


def test_a_search_that_starts_anew_trains_all(tmp_path: Path) -> None:
    dataset = TrialsDataset(filepath=tmp_path / "trials")
    dataset.save(batch(0, 1, run_id="first"))
    before = times(tmp_path / "trials")
    dataset.save(batch(0, 2, run_id="second"))
    assert times(tmp_path / "trials")["trial_000"] != before["trial_000"]
    assert [trial.number for trial in dataset.load()] == [0, 2]
    assert not (tmp_path / "trials" / "trial_001").exists()


def test_a_search_does_not_go_on_with_trials_of_another(tmp_path: Path) -> None:
    dataset = TrialsDataset(filepath=tmp_path / "trials")
    dataset.save(batch(0, run_id="first"))
    with pytest.raises(DatasetError, match="another search.*run the search without --only-missing-outputs"):
        dataset.save(batch(0, 1, search="other"))
    assert scores(dataset) == [(0, "s")]


def test_a_search_stops_where_another_has_been_started_since(tmp_path: Path) -> None:
    first, last = (TrialsDataset(filepath=tmp_path / name) for name in ("trials_r0_00", "trials_r1_00"))
    first.save(batch(0, run_id="one"))
    first.save(batch(0, run_id="two"))
    with pytest.raises(DatasetError, match="another search has been started .* a data_root of its own"):
        last.save(replace(batch(0, run_id="one"), later=True))
    assert first.exists()
    assert not last.exists()
    last.save(replace(batch(0, run_id="two"), later=True))
    assert first.exists()
    assert last.exists()


def test_an_earlier_search_stays_until_the_new_one_has_its_first_result(tmp_path: Path) -> None:
    one, other = (TrialsDataset(filepath=tmp_path / name) for name in ("trials_r0_00", "trials_r0_01"))
    for dataset in (one, other):
        dataset.save(batch(0, 1, run_id="first"))
    with pytest.raises(Killed):
        one.save(batch(0, 1, search="new", run_id="second", train=kill_at(0)))
    assert (one.exists(), other.exists()) == (True, True)
    assert scores(one) == [(0, "s"), (1, "s")]
    with pytest.raises(Killed):
        one.save(batch(0, 1, search="new", run_id="second", train=kill_at(1)))
    # There is one: the other node's trials are of a search that is no longer asked for.
    assert (one.exists(), other.exists()) == (False, False)
    one.save(batch(0, 1, search="new"))
    other.save(batch(0, 1, search="new"))
    assert (one.exists(), other.exists()) == (True, True)
    assert scores(other) == [(0, "new"), (1, "new")]


def test_what_an_earlier_search_has_more_of_can_be_removed(tmp_path: Path) -> None:
    one, other = (TrialsDataset(filepath=tmp_path / name) for name in ("trials_r0_00", "trials_r0_01"))
    for dataset in (one, other):
        dataset.save(batch(0, run_id="first"))
    one.save(batch(0, run_id="second"))
    one.remove_stale()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["search.json", "trials_r0_00"]


@pytest.mark.parametrize("broken", ["shutil.copytree", "json.dumps"])
def test_a_save_that_breaks_leaves_what_was_there(broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = TrialsDataset(filepath=tmp_path / "to" / "trials")
    dataset.save(batch(1))

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(broken, fail)
        with pytest.raises(DatasetError, match="disk full"):
            dataset.save(batch(2, run_id="new"))
    assert scores(dataset) == [(1, "s")]
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["trials"]


@pytest.mark.parametrize("damaged", ["search.json", "a/batch.json", "a/trial_001/trial.json"])
@pytest.mark.parametrize("run_id", ["", "new"])
def test_a_record_that_a_power_cut_has_emptied_counts_as_missing(damaged: str, run_id: str, tmp_path: Path) -> None:
    dataset = TrialsDataset(filepath=tmp_path / "a")
    dataset.save(batch(0, 1, run_id="old"))
    (tmp_path / damaged).write_bytes(b"")
    assert not dataset.exists()
    dataset.save(batch(0, 1, run_id=run_id))
    dataset.remove_stale()
    assert dataset.exists()
    assert scores(dataset) == [(0, "s"), (1, "s")]


def test_a_copy_in_another_place_can_be_loaded(tmp_path: Path) -> None:
    TrialsDataset(filepath=tmp_path / "scratch" / "trials").save(batch(0, 1))
    shutil.copytree(tmp_path / "scratch", tmp_path / "mount")
    shutil.rmtree(tmp_path / "scratch")
    assert len(TrialsDataset(filepath=tmp_path / "mount" / "trials").load()) == 2
