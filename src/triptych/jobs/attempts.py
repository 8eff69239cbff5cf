"""One attempt at a job: its folder, its process, whether that is alive, and how it ended."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from triptych.jobs import supervisor
from triptych.jobs.store import Job

__all__ = ["Attempt", "Ending"]

_LOCK = "alive.lock"
_LOOK_S = 0.05
_ERROR = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception)\b: \S")
_OURS = "TRIPTYCH_TOKEN"  # and what begins so: of the service itself, of no use to a run


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    Attributes:
        code: Its exit code; negative: the signal that ended it.
        reason: Why it could not be started; empty where it was.
    """

    code: int
    reason: str = ""


class Attempt:
    """An attempt at a job.

    Args:
        folder: Of all jobs.
        job: The job.
    """

    def __init__(self, folder: Path, job: Job) -> None:
        self.results = folder / job.id / "results"
        self.folder = folder / job.id / f"attempt-{job.attempts}"
        self.log = self.folder / supervisor.LOG
        self._job = job
        self._process: subprocess.Popen[bytes] | None = None

    def make_folder(self) -> None:
        """Make its folder, which nobody else may look into: the parameters and the log are there."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def start(self, argv: Sequence[str], where: Path, environment: Mapping[str, str]) -> None:
        """Start the process; it lives on if this one does not.

        Args:
            argv: The command, word by word.
            where: The folder it works in.
            environment: Variables besides this process's own.
        """
        self.make_folder()
        own = {"TRIPTYCH_JOB_ID": self._job.id, "PYTHONUNBUFFERED": "1", **environment}
        command = {"argv": list(argv), "cwd": str(where), "environment": own}
        (self.folder / supervisor.COMMAND).write_text(json.dumps(command), encoding="utf-8")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        with (self.folder / _LOCK).open("w") as lock:
            # Before the process is there, so that at no moment an attempt under way looks dead.
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", supervisor.__name__, str(self.folder), str(lock.fileno())],
                env=inherited,
                cwd=where,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=(self.folder / "supervisor.txt").open("wb"),
                pass_fds=(lock.fileno(),),
                start_new_session=True,
            )

    def is_alive(self) -> bool:
        """Tell whether the process, or one that it started, is still there."""
        if self._process is not None:
            self._process.poll()  # or it stays as a zombie
        try:
            with (self.folder / _LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def read_ending(self) -> Ending | None:
        """Read how it ended; None where it has not, or was killed."""
        try:
            noted = json.loads((self.folder / supervisor.EXIT).read_text(encoding="utf-8"))
            return Ending(int(noted["code"]), str(noted.get("reason", "")))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def kill(self, grace_s: float) -> None:
        """End the process and all of its group: first by asking, then by force.

        Args:
            grace_s: How long it may take after it was asked.
        """
        for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, grace_s)):
            end = time.monotonic() + patience_s
            asked = False
            while self.is_alive() and time.monotonic() < end:
                asked = asked or self._signal(number)
                time.sleep(_LOOK_S)

    def _signal(self, number: signal.Signals) -> bool:
        """Send a signal to the group: while any of it is alive, nobody else has its number.

        What outlives a run may have left the group, and another process have its number by now.
        """
        try:
            group = int((self.folder / supervisor.PID).read_text())
        except (OSError, ValueError):  # it has only just been started
            return False
        if self.read_ending() is not None and _is_there(group):
            return False
        with suppress(ProcessLookupError):
            os.killpg(group, number)
        return True

    def read_last_line(self, most: int = 500) -> str:
        """Give the last line of the log; nothing where there is none."""
        lines = self.read_tail().splitlines()
        return lines[-1].strip()[:most] if lines else ""

    def find_error(self, most: int = 500) -> str:
        """Give the last line of the log that names an error, as Python does; else the last line of all."""
        found = [line.strip() for line in self.read_tail().splitlines() if _ERROR.match(line)]
        return found[-1][:most] if found else self.read_last_line(most)

    def read_steps(self) -> tuple[int, int] | None:
        """Read how many nodes are done, of how many; None before the first."""
        try:
            done, steps = json.loads((self.folder / supervisor.STEPS).read_text(encoding="utf-8"))
            return int(done), int(steps)
        except (OSError, ValueError, TypeError):
            return None

    def read_tail(self, most_bytes: int = 16_384) -> str:
        """Give the end of the log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - most_bytes))
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""


def _is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
