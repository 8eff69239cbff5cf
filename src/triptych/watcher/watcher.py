"""The loop: look, wait until files are whole, claim them, stage them, ask for a job, and see what became of it."""

from __future__ import annotations

import fcntl
import logging
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from triptych.jobs.commands import is_remote_environment
from triptych.jobs.service import Jobs
from triptych.jobs.store import Job, QueueFullError
from triptych.storage.blob_storage import LandedFile, is_remote, local_path
from triptych.storage.local_files import link_or_copy, replace_file
from triptych.watcher.checking import FileChecker
from triptych.watcher.folders import list_landed
from triptych.watcher.intake import Intake
from triptych.watcher.kinds import KINDS, find_kind
from triptych.watcher.ledger import Batch, LandedLedger
from triptych.watcher.models import PromotedModels
from triptych.watcher.settling import Settling

__all__ = ["WatchSettings", "Watcher", "label_folders"]

_logger = logging.getLogger(__name__)
_TICK_MS = 200
_SHORTEST_S = 0.05


@dataclass(frozen=True)
class WatchSettings:
    """What is watched, and what becomes of it.

    Attributes:
        folders: Landing folders, local or in blob storage, each with the kinds that count there.
        environment: Of the configuration.
        parameters: Further ones of every job.
        out: Where results go besides the folders of their jobs.
        settle_s: How long a file has to stay as it is.
        gather_s: How long files wait for others, to go into one job.
        poll_s: How often folders are looked at of which no news comes: those in blob storage, and all where the
            system gives none.
        rescan_s: How often the others are looked at all the same, as news may be lost.
        check_s: How long it may take to see whether a file opens.
        check_mb: How much memory that may take.
    """

    folders: Mapping[str, Sequence[str]]
    environment: str = "local"
    parameters: Mapping[str, Any] | None = None
    out: Path | None = None
    settle_s: float = 2.0
    gather_s: float = 10.0
    poll_s: float = 15.0
    rescan_s: float = 60.0
    check_s: float = 120.0
    check_mb: float = 4000.0


class Watcher:
    """Turns what lands into jobs; several may watch the same folders, on one folder of jobs.

    Args:
        jobs: Where jobs are asked for; may read what is staged.
        settings: What is watched.
        checker: Looks whether files open, and is its giver's to close; one of its own if not given.
    """

    def __init__(self, jobs: Jobs, settings: WatchSettings, checker: FileChecker | None = None) -> None:
        self._jobs, self._settings = jobs, settings
        self._ledger = LandedLedger(jobs.settings.folder)
        self._labels = label_folders(settings.folders)
        self._checker = checker or FileChecker(settings.check_s, settings.check_mb)
        self._is_checker_kept = checker is not None
        self._intake = Intake(jobs.settings.folder, self._labels, self._checker)
        self._models = PromotedModels(jobs.settings.project, jobs.settings.folder / "models")
        self._settling = Settling(settings.settle_s, settings.gather_s)
        self._is_remote = is_remote_environment(jobs.settings.project, settings.environment)
        self._passed_over: set[str] = set()
        self._retry_at_s: dict[str, float] = {}
        self._full_until_s = 0.0
        self._stop = threading.Event()

    def stop(self) -> None:
        """End `watch`."""
        self._stop.set()

    def watch(self) -> None:
        """Look, and look again when something happens, until `stop` is called."""
        for _ in self._wait():
            while self._look_again() and not self._stop.wait(self._pause_s()):
                pass

    def watch_until_done(self) -> bool:
        """Look until all that is there has become jobs and these have ended; tell whether it has come to that.

        What fails is left, for the next to try.
        """
        while not self._stop.is_set():
            is_unsettled = self.look()
            waiting = self._list_own("open") + self._list_own("submitted")
            if not is_unsettled and all(batch.id in self._retry_at_s for batch in waiting):
                return not waiting
            self._stop.wait(self._pause_s())
        return False

    def _pause_s(self) -> float:
        return min(max(self._settings.settle_s / 2, _SHORTEST_S), 1)

    def _look_again(self) -> bool:
        try:
            return self.look()
        except (OSError, sqlite3.Error):  # a full disk; what has landed waits
            _logger.exception("What has landed cannot be seen to just now")
            self._stop.wait(self._settings.poll_s)
            return True

    def look(self) -> bool:
        """Look once at all folders and all batches; tell whether something there is not whole yet, or waits."""
        listings = {folder: listed for folder in self._settings.folders if (listed := _list(folder)) is not None}
        is_unsettled = self._claim(listings)
        with self._handling() as is_ours:
            if not is_ours:  # another watcher sees to all batches just now
                return True
            for batch in self._list_own("open"):
                # Of those behind one that found the queue full, none is staged in vain.
                if batch.folder in listings and self._full_until_s <= time.monotonic():
                    self._try(batch, partial(self._submit, batch, listings[batch.folder]), "become a job")
            for batch in self._list_own("submitted"):
                self._try(batch, partial(self._conclude, batch), "be brought to its end")
        if not self._is_checker_kept:
            self._checker.close()
        return is_unsettled

    def _list_own(self, state: Literal["open", "submitted"]) -> list[Batch]:
        """Give the batches of the folders watched here: what becomes of the others, their watchers know."""
        watched = self._settings.folders
        return [batch for batch in self._ledger.list(state) if batch.kind in watched.get(batch.folder, ())]

    @contextmanager
    def _handling(self) -> Iterator[bool]:
        """Hold a lock that the kernel gives free however this process ends; False where another one holds it."""
        with (self._jobs.settings.folder / "landed.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _claim(self, listings: Mapping[str, Mapping[str, LandedFile]]) -> bool:
        """Make batches of the files that are whole; tell whether some are not, or wait for others."""
        groups: dict[tuple[str, str], list[LandedFile]] = defaultdict(list)
        for folder, landed in listings.items():
            for file in self._ledger.find_new(folder, list(landed.values())):
                kind = find_kind(file.name)
                if kind is not None and kind.name in self._settings.folders[folder]:
                    groups[folder, kind.name].append(file)
                else:
                    self._pass_over(folder, file)
        settled = self._settling.look(
            {(folder, file.name): file.fingerprint for (folder, _), files in groups.items() for file in files}
        )
        for (folder, name), files in groups.items():
            most = KINDS[name].most
            if most == 1 or self._settling.is_gathered([(folder, file.name) for file in files]):
                whole = [file for file in files if (folder, file.name) in settled]
                for start in range(0, len(whole), most):
                    self._ledger.claim(folder, name, whole[start : start + most])
        return any(self._ledger.find_new(folder, files) for (folder, _), files in groups.items())

    def _pass_over(self, folder: str, file: LandedFile) -> None:
        ending = f"{folder}: {Path(file.name).suffix.lower() or 'no ending'}"
        if ending not in self._passed_over:
            self._passed_over.add(ending)
            _logger.info("%s is passed over, as are others of its ending in %s", ascii(file.name), folder)

    def _try(self, batch: Batch, do: Callable[[], None], what: str) -> None:
        """Do something with a batch; where that fails, the others go on, and it is tried again later."""
        if self._retry_at_s.get(batch.id, 0) > time.monotonic():
            return
        later_s = time.monotonic() + self._settings.poll_s
        try:
            do()
            self._retry_at_s.pop(batch.id, None)
        except QueueFullError as error:
            _logger.warning("%s: what has landed waits too", error)
            self._full_until_s = later_s
        except Exception:  # a full disk, a configuration that is wrong just now
            _logger.exception("%d %s of %s could not %s", len(batch.names), batch.kind, batch.folder, what)
            self._retry_at_s[batch.id] = later_s

    def _submit(self, batch: Batch, landed: Mapping[str, LandedFile]) -> None:
        if (known := self._jobs.find_by_key(batch.id)) is not None:  # and then this was killed
            self._ledger.note(batch, "submitted", known.id)
            return
        kind = KINDS[batch.kind]
        parameters = dict(self._settings.parameters or {})
        if not self._is_remote:  # on Azure ML the pipeline itself finds what has landed there
            given = self._intake.stage(batch, kind, landed)
            if given is None:
                self._ledger.note(batch, "done")
                return
            parameters[kind.place] = str(given)
            if kind.model and kind.model.parameter not in parameters and (model := self._models.find(kind.model)):
                parameters[kind.model.parameter] = str(model)
        job, _ = self._jobs.submit(kind.pipeline, parameters, self._settings.environment, key=batch.id)
        _logger.info("%s: %s for %d %s of %s", job.id, job.pipeline, len(batch.names), kind.name, batch.folder)
        self._ledger.note(batch, "submitted", job.id)

    def _conclude(self, batch: Batch) -> None:
        job = self._jobs.find(batch.job)
        if job is not None and not job.has_ended:
            return
        if job is not None and job.state == "completed":
            self._deliver(job, KINDS[batch.kind].results, self._labels[batch.folder, batch.kind])
        elif job is not None and job.state == "submitted":
            _logger.info("%s, of %d %s, is submitted: %s", job.id, len(batch.names), batch.kind, job.reason)
        else:
            state = f"{job.state}: {job.reason}" if job else "gone"
            _logger.warning("%s, of %d %s, is %s", batch.job, len(batch.names), batch.kind, state)
        self._intake.clear(batch)
        self._ledger.note(batch, "done")

    def _deliver(self, job: Job, results: str, label: str) -> None:
        """Put what a job has made where it is fetched from: videos by their names, all else in a folder of the job."""
        if self._settings.out is None:
            return
        place = self._settings.out / (label if job.pipeline == "video" else job.id)
        for name, path in self._jobs.list_results(job).items():
            with replace_file(place / name.removeprefix(f"{results}/")) as part:
                link_or_copy(path, part)
        _logger.info("%s: its results are in %s", job.id, place)

    def _wait(self) -> Iterator[None]:
        """Come back at once, and then whenever something has changed or it is time to look again."""
        local = [local_path(folder) for folder in self._settings.folders if not is_remote(folder)]
        yield
        if len(local) == len(self._settings.folders):
            try:
                yield from self._wait_for_news(local, self._settings.rescan_s)
            except OSError as error:  # of inotify, the limit of which is soon reached
                _logger.warning("The system gives no news of changes (%s): folders are looked at in turns", error)
        while not self._stop.wait(self._settings.poll_s):
            yield

    def _wait_for_news(self, folders: Sequence[Path], rescan_s: float) -> Iterator[None]:
        from watchfiles import watch

        quiet_s = rescan_s  # look once more when news come: something may have landed just before
        busy = False
        changes = watch(
            *folders,
            watch_filter=None,
            debounce=_TICK_MS,
            rust_timeout=1000,
            yield_on_timeout=True,
            stop_event=self._stop,
            raise_interrupt=False,
        )
        for found in changes:
            quiet_s += 1
            if found or quiet_s >= rescan_s or busy:
                quiet_s = 0.0
                yield
                busy = bool(self._list_own("submitted") or self._list_own("open"))


def label_folders(folders: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], str]:
    """Give each folder a name where several hold files of a kind, as files of one name may lie in each.

    Returns:
        By folder and kind: the name of the folder, with a number if there are several of the name; empty where a kind
        has one folder only.
    """
    labels: dict[tuple[str, str], str] = {}
    for kind in KINDS:
        places = [folder for folder, kinds in folders.items() if kind in kinds]
        taken: set[str] = set()
        for place in places:
            name = PurePosixPath(place).name or "landing"
            numbered = (f"{name}-{number}" if number > 1 else name for number in count(1))
            label = next(each for each in numbered if each not in taken)
            taken.add(label)
            labels[place, kind] = label if len(places) > 1 else ""
    return labels


def _list(folder: str) -> dict[str, LandedFile] | None:
    try:
        return {file.name: file for file in list_landed(folder)}
    except OSError as error:  # a share that is away for a while; the others go on
        _logger.warning("%s cannot be looked at: %s", folder, error)
        return None
