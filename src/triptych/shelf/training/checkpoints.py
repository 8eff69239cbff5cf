"""What an interrupted training needs to go on exactly: each file is written whole, or not at all."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch

from triptych.shelf.params import TrainingParams
from triptych.storage import mirrors
from triptych.storage.local_files import replace_file

_logger = logging.getLogger(__name__)
_STATE, _BEST = "state_{}.pt", "best_{}.pt"
_COMPLETE = "complete"
_FOLDER = re.compile(r"(?P<fingerprint>[0-9a-z]+)-(?P<epochs>\d+)")
_DAY_S = 86_400
_STALE_S = 3_600  # nobody writes a file for so long


class _Found(NamedTuple):
    """A state on disk: of a training planned for so many epochs, after so many of them."""

    planned: int
    epoch: int
    path: Path


class Checkpoints:
    """The state of a training, in a folder that tells it from trainings with other data or settings.

    A state is written after an epoch if saving has not taken more than a share of the time since the last one; what
    was learnt since then is learnt again, exactly so.

    Args:
        folder: Where all trainings keep theirs.
        fingerprint: Of data, settings and whatever else decides what is computed, but for the number of epochs.
        training: Its number of epochs, and how often and how long states are kept.
    """

    def __init__(self, folder: Path, fingerprint: str, training: TrainingParams) -> None:
        self._root = folder
        self._fingerprint = fingerprint
        self._epochs = training.epochs
        self._share = training.checkpoint_share
        self._days = training.checkpoint_days
        self._folder = folder / f"{fingerprint}-{training.epochs}"
        # Of which epoch. It stays in memory: another training of the same in this folder may remove the file.
        self._best: tuple[int, dict[str, Any]] | None = None
        self._is_written = True
        self._next_save = 0.0

    def load(self) -> dict[str, Any] | None:
        """Give the latest state to go on from, or None if there is none.

        That is one of this very training if it was interrupted, or else of one for fewer epochs, interrupted or not.
        A complete one is not gone on from by the same.
        """
        files = mirrors.list_files(self._root)
        if self._folder / _COMPLETE in files:
            return None
        states = sorted(self._find_states(list(files)), key=lambda found: (found.planned == self._epochs, found.epoch))
        for found in reversed(states):
            if found.planned <= self._epochs and (state := self._take(found)):
                return state
        return None

    def save(self, state: dict[str, Any], best: dict[str, Any] | None) -> None:
        """Keep the state after an epoch, unless the time for it has not come; the last one always is.

        Args:
            state: Of the training; `epoch`, and `best_epoch`, which says whose weights are the best.
            best: Those weights if they are of this epoch; else they have been given before.
        """
        if best is not None:
            self._best, self._is_written = (state["best_epoch"], best), False
        if state["epoch"] < self._epochs and time.monotonic() < self._next_save:
            return
        start = time.monotonic()
        if self._best is not None and not self._is_written:
            self._write(_BEST.format(self._best[0]), self._best[1])
            self._is_written = True
        written = _STATE.format(state["epoch"])
        self._write(written, {**state, "fingerprint": self._fingerprint})
        self._remove_old({written, _BEST.format(state["best_epoch"])})
        end = time.monotonic()
        self._next_save = end + (end - start) * (1 / self._share - 1)

    def _remove_old(self, kept: set[str]) -> None:
        """Remove other states and weights, and what a process that is no more has left half-written."""
        old = [*self._folder.glob(_STATE.format("*")), *self._folder.glob(_BEST.format("*"))]
        for path in [path for path in old if path.name not in kept] + list(self._folder.glob(".*.part")):
            with contextlib.suppress(FileNotFoundError):  # another training of the same was quicker
                if path.suffix != ".part" or time.time() - path.stat().st_mtime > _STALE_S:
                    mirrors.drop(path)

    def load_best(self, epoch: int) -> dict[str, Any]:
        """Give the weights of the best epoch."""
        if self._best is not None and self._best[0] == epoch:
            return self._best[1]
        weights: dict[str, Any] = torch.load(self._folder / _BEST.format(epoch), map_location="cpu", weights_only=True)
        return weights

    def finish(self) -> None:
        """Say that the model is there: the same training starts anew, one for more epochs goes on from it."""
        mirrors.create(self._folder / _COMPLETE, "The model has been given.\n")

    def clear(self) -> None:
        """Remove the state of this training."""
        paths = [path for path in mirrors.list_files(self._root) if path.parent == self._folder]
        _remove(self._folder, sorted(paths, key=lambda path: path.name == _COMPLETE))

    def clean(self) -> None:
        """Remove what other trainings have left if nobody has written there for long."""
        changed: dict[Path, float] = {}
        files = mirrors.list_files(self._root)
        for path, listed in files.items():
            place = self._root / path.relative_to(self._root).parts[0]
            changed[place] = max(changed.get(place, 0.0), listed.changed_s)
        for place, changed_s in changed.items():
            if place != self._folder and time.time() - changed_s > self._days * _DAY_S:
                _logger.info("Removing %s: nobody has gone on from it for %g days", place, self._days)
                _remove(place, [path for path in files if path.is_relative_to(place)])

    def _find_states(self, files: list[Path]) -> Iterator[_Found]:
        for path in files:
            folder, name = _FOLDER.fullmatch(path.parent.name), re.fullmatch(r"state_(\d+)\.pt", path.name)
            if folder and name and folder["fingerprint"] == self._fingerprint:
                yield _Found(int(folder["epochs"]), int(name[1]), path)

    def _take(self, found: _Found) -> dict[str, Any] | None:
        mirrors.pull(found.path)
        try:
            state: dict[str, Any] = torch.load(found.path, map_location="cpu", weights_only=True)
            best = found.path.with_name(_BEST.format(state["best_epoch"]))
            mirrors.pull(best)
            weights = torch.load(best, map_location="cpu", weights_only=True) if state["best_epoch"] else {}
            if weights:
                self._best = state["best_epoch"], weights
                self._is_written = found.planned == self._epochs
        except Exception as error:  # whatever a damaged or foreign file raises
            _logger.warning("%s cannot be read (%s): it is not gone on from", found.path, error)
            return None
        return state | ({"extends": found.planned} if found.planned < self._epochs else {})

    def _write(self, name: str, content: dict[str, Any]) -> None:
        path = self._folder / name
        with replace_file(path) as part, part.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        mirrors.push(path)


def _remove(place: Path, paths: list[Path]) -> None:
    """Remove files and, where it is empty then, their folder."""
    for path in paths:
        mirrors.drop(path)
    with contextlib.suppress(OSError):  # no folder, or not empty
        place.rmdir()
