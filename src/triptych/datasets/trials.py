"""The trials of one node of a search as a folder: a record and a checkpoint each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from triptych.errors import StartAnewError
from triptych.storage.local_files import replace_file, replace_folder
from triptych.tuning.trials import START_ANEW, Trial, TrialBatch

_BATCH = "batch.json"
_RECORD = "trial.json"
_CHECKPOINT = "checkpoint"
_CURRENT = "search.json"
"""Beside the folders of a search's nodes: says of which run they have to be."""


class OtherTrialsError(DatasetError, StartAnewError):
    """The trials on disk are not those of the search."""


class TrialsDataset(AbstractDataset[TrialBatch, list[Trial]]):
    """Train trials, saving each as soon as it is done; load them.

    What an earlier search left stays until a new one has its first result. From then on the trials of its other nodes,
    in folders beside this one, count as missing. A loaded trial's checkpoint is the folder in the dataset itself: read
    it, do not write into it.

    Args:
        filepath: The folder.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> list[Trial]:
        """Read the records; the checkpoints stay on disk."""
        if not self._is_complete():
            raise DatasetError(f"{self._filepath} does not hold all of its trials: run the search from its start")
        return [self._read(number) for number in self._batch()["trials"]]

    def save(self, data: TrialBatch) -> None:
        """Train and save the trials; of a search that goes on, those that are not there.

        Raises:
            OtherTrialsError: If those that are there are of another search, or one has been started since.
        """
        batch = {
            "run": data.run_id or self._current_run(),
            "search": data.search,
            "trials": [trial.number for trial in data.trials],
        }
        goes_on = not data.run_id and self._is_current()
        if goes_on:
            self._take_up(batch)
        if data.later and data.run_id not in ("", self._current_run()):
            raise OtherTrialsError(
                f"another search has been started in {self._filepath.parent} since: give each a data_root of its own"
            )
        for trial in data.trials:
            if goes_on and self._has(trial.number):
                continue
            done = data.run(trial)
            if goes_on:
                _write(self._folder(trial.number), done)
            else:
                self._start(batch, done)
                goes_on = True

    def remove_stale(self) -> None:
        """Remove folders beside this one that earlier searches left."""
        for path in self._filepath.parent.glob(f"*/{_BATCH}"):
            if _read_json(path).get("run") != self._current_run():
                shutil.rmtree(path.parent)

    def _take_up(self, batch: dict[str, Any]) -> None:
        if self._batch()["search"] != batch["search"]:
            raise OtherTrialsError(
                f"{self._filepath} holds trials of another search (space, seed, data or another parameter has "
                f"changed): {START_ANEW}"
            )
        with replace_file(self._filepath / _BATCH) as part:
            part.write_text(json.dumps(batch), encoding="utf-8")

    def _start(self, batch: dict[str, Any], first: Trial) -> None:
        """Put the first result in the place of all that was there."""
        with replace_folder(self._filepath) as folder:
            (folder / _BATCH).write_text(json.dumps(batch), encoding="utf-8")
            _write(folder / _name(first.number), first)
        if batch["run"] != self._current_run():
            with replace_file(self._filepath.parent / _CURRENT) as part:
                part.write_text(json.dumps({"run": batch["run"]}), encoding="utf-8")

    def _read(self, number: int) -> Trial:
        folder = self._folder(number)
        checkpoint = folder / _CHECKPOINT
        return Trial.from_json(_read_json(folder / _RECORD), checkpoint if checkpoint.is_dir() else None)

    def _folder(self, number: int) -> Path:
        return self._filepath / _name(number)

    def _has(self, number: int) -> bool:
        return bool(_read_json(self._folder(number) / _RECORD))

    def _batch(self) -> dict[str, Any]:
        return _read_json(self._filepath / _BATCH)

    def _current_run(self) -> str:
        return str(_read_json(self._filepath.parent / _CURRENT).get("run", ""))

    def _is_current(self) -> bool:
        return self._batch().get("run") == self._current_run()

    def _is_complete(self) -> bool:
        batch = self._batch()
        return bool(batch) and all(map(self._has, batch["trials"]))

    def _exists(self) -> bool:
        return self._is_current() and self._is_complete()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


def _name(number: int) -> str:
    return f"trial_{number:03}"


def _read_json(path: Path) -> dict[str, Any]:
    """Read a record; one that is not there, or that a power cut has emptied, says nothing."""
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return {}
    return values


def _write(target: Path, trial: Trial) -> None:
    """Copy record and checkpoint into a new folder, then put it in the target's place."""
    with replace_folder(target) as folder:
        if trial.checkpoint is not None:
            shutil.copytree(trial.checkpoint, folder / _CHECKPOINT)
        (folder / _RECORD).write_text(json.dumps(trial.to_json(), indent=1), encoding="utf-8")
