"""Jobs whose runs are a line of shell, so that a test takes no longer than processes take to start."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from triptych.jobs.consumer import Consumer
from triptych.jobs.queueing import JobQueue
from triptych.jobs.settings import JobSettings
from triptych.jobs.store import Job, JobRequest, JobStore

if sys.platform == "win32":
    pytest.skip("jobs need POSIX's locks", allow_module_level=True)

MakeSettings = Callable[..., JobSettings]


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Return a function that makes settings for a line of shell, in which {id}, {results} and the like are filled in.

    It works in the test's folder.
    """

    def make(line: str = "true", **changes: Any) -> JobSettings:
        values: dict[str, Any] = {
            "project": ROOT,
            "folder": tmp_path / "jobs",
            "allowed": (str(tmp_path),),
            "environments": ("local", "test", "azure"),
            "poll_s": 0.05,
            "grace_s": 2.0,
            "command": ("/bin/sh", "-c", f"cd {tmp_path} || exit; {line}"),
        }
        return JobSettings(**{**values, **changes})

    return make


def ask(settings: JobSettings, count: int = 1) -> list[Job]:
    """Queue jobs that nobody checks."""
    store, queue = JobStore(settings.folder), JobQueue(settings.folder)
    jobs = [store.add(JobRequest("video", {}, "local"), 1000)[0] for _ in range(count)]
    for job in jobs:
        queue.put(job.id)
    return jobs


def work(settings: JobSettings) -> None:
    """Run all jobs."""
    Consumer(settings).work(until_idle=True)


def look(settings: JobSettings, job: Job) -> Job:
    """Give the job as it is now."""
    found = JobStore(settings.folder).find(job.id)
    assert found is not None
    return found


def wait_until(is_so: Callable[[], object], timeout_s: float = 20) -> None:
    end = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def read_lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def lines_of(values: Iterator[str] | list[str], word: str) -> list[str]:
    return sorted(value.removeprefix(word).strip() for value in values if value.startswith(word))
