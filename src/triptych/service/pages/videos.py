"""Videos that people give, and the jobs that they become."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fastapi import HTTPException

from triptych.errors import InputError
from triptych.jobs.checking import ConfigurationError, RefusedError
from triptych.jobs.service import Jobs
from triptych.jobs.settings import JobSettings
from triptych.jobs.store import ENDED, Job, QueueFullError
from triptych.service.params import PageParams
from triptych.watcher.checking import check_file
from triptych.watcher.kinds import KINDS

_KIND = KINDS["videos"]
_MOST_SHOWN = 5
_STATES = {
    "queued": "waits for its turn",
    "running": "is being painted",
    "completed": "is painted",
    "submitted": "is painted on Azure ML",
    "failed": "could not be painted",
    "cancelled": "was cancelled",
    "interrupted": "was interrupted, because the machine went down",
}


@dataclass(frozen=True)
class ShownJob:
    """What the page shows of a job.

    Attributes:
        id: Its name.
        video: Name of the video.
        style: What it is painted in.
        state: As the queue has it.
        said: The state in words.
        has_ended: Whether nothing will change any more.
        done: Steps that are done.
        steps: Steps there are; 0 while that is not known.
        seconds: For how long it has been running, or ran.
        reason: Why it is not completed.
        result: Name of the painted video; empty while there is none.
    """

    id: str
    video: str
    style: str
    state: str
    said: str
    has_ended: bool
    done: int
    steps: int
    seconds: int
    reason: str
    result: str


class Videos:
    """Keeps the videos that are given beside the jobs' folder, each in a folder of its own.

    Args:
        settings: What jobs may do.
        params: How much is kept.
    """

    def __init__(self, settings: JobSettings, params: PageParams) -> None:
        self._jobs = Jobs(settings)
        self._folder, self._params = settings.folder.parent / "uploads", params

    @staticmethod
    def takes(name: str) -> bool:
        """Tell by its name whether a file is a video."""
        return name.lower().endswith(_KIND.suffixes)

    def submit(self, content: IO[bytes], name: str, style: str, style_model: Path) -> str:
        """Keep a video and ask for the job that paints it.

        Returns:
            The job's id.

        Raises:
            HTTPException: If it is no video, too many wait, or too much is kept.
        """
        self._check_room(content)
        place = self._folder / uuid.uuid4().hex
        place.mkdir(parents=True)
        try:
            file = place / make_safe_name(name)
            with file.open("wb") as target:
                shutil.copyfileobj(content, target)
            check_file(_KIND, file)  # elsewhere: what it does to its reader, it must not do to the service
            parameters = {
                _KIND.place: str(place),
                "video_retry": "*",  # also one that was painted before, in another style
                "style_model": str(style_model),
                # Which every browser plays.
                "video": {"style": {"styles": {"*": style}}, "encoding": {"container": "mp4"}},
            }
            return self._jobs.submit(_KIND.pipeline, parameters)[0].id
        except BaseException as error:
            shutil.rmtree(place, ignore_errors=True)
            raise _explain(error) from error

    def list_recent(self) -> list[ShownJob]:
        """Show the last jobs that this page asked for."""
        own = [job for job in self._jobs.list(most=100) if self._find_place(job)]
        return [self._describe(job) for job in own[:_MOST_SHOWN]]

    def describe(self, job_id: str) -> ShownJob | None:
        """Show a job; None if it is none of this page's."""
        job = self._find(job_id)
        return self._describe(job) if job else None

    def cancel(self, job_id: str) -> None:
        """End a job of this page's."""
        if self._find(job_id):
            self._jobs.cancel(job_id)

    def find_source(self, job_id: str) -> Path | None:
        """Find the video as it was given."""
        job = self._find(job_id)
        place = self._find_place(job) if job else None
        return next(place.iterdir(), None) if place and place.is_dir() else None

    def find_result(self, job_id: str) -> Path | None:
        """Find the painted video."""
        job = self._find(job_id)
        results = self._jobs.list_results(job) if job else {}
        return next((path for name, path in results.items() if name.startswith(f"{_KIND.results}/")), None)

    def _find(self, job_id: str) -> Job | None:
        job = self._jobs.find(job_id)
        return job if job and self._find_place(job) else None

    def _find_place(self, job: Job) -> Path | None:
        """Give the folder that a job's video is in, if it is one of ours."""
        given = job.request().parameters.get(_KIND.place)
        place = Path(given) if isinstance(given, str) else None
        return place if place and place.parent == self._folder else None

    def _describe(self, job: Job) -> ShownJob:
        progress = self._jobs.read_progress(job) if job.attempts else None
        source, result = self.find_source(job.id), self.find_result(job.id)
        style = job.request().parameters.get("video", {}).get("style", {}).get("styles", {}).get("*", "")
        seconds = (job.ended_s or time.time()) - job.started_s if job.started_s else 0
        return ShownJob(
            id=job.id,
            video=source.name if source else "a video that is gone",
            style=str(style),
            state=job.state,
            said=_STATES[job.state],
            has_ended=job.state in ENDED,
            done=(progress.steps_done or 0) if progress else 0,
            steps=(progress.steps or 0) if progress else 0,
            seconds=round(seconds),
            reason=job.reason or ("the run ended without a video; its log says why" if _lacks(job, result) else ""),
            result=result.name if result and job.state == "completed" else "",
        )

    def _check_room(self, content: IO[bytes]) -> None:
        size = content.seek(0, 2)
        content.seek(0)
        if size == 0:
            raise HTTPException(422, "The file is empty.")
        kept = sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())
        if size + kept > self._params.max_kept_mb * 1e6:
            raise HTTPException(
                507,
                f"The videos that were given take {kept / 1e6:.0f} MB already: "
                f"delete some in {self._folder.parent.name}/{self._folder.name}, or raise service.pages.max_kept_mb.",
            )


def make_safe_name(name: str) -> str:
    """Make of what a file is called elsewhere a name that is safe here.

    >>> make_safe_name("../../etc/my <b>film.MP4")
    'my_b_film.mp4'
    """
    last = re.split(r"[/\\]", name)[-1]
    stem, _, ending = last.rpartition(".")
    safe = re.sub(r"[^\w-]+", "_", stem).strip("_")[:80]
    return f"{safe or 'video'}.{re.sub(r'[^a-z0-9]', '', ending.lower())}"


def _lacks(job: Job, result: Path | None) -> bool:
    return job.state == "completed" and result is None


def _explain(error: BaseException) -> BaseException:
    """Make of what went wrong what the page says."""
    if isinstance(error, InputError):
        return HTTPException(422, f"This video cannot be used: {error}")
    if isinstance(error, RefusedError):
        return HTTPException(422, str(error))
    if isinstance(error, QueueFullError):
        return HTTPException(429, f"{error}: try again later.", {"Retry-After": "30"})
    if isinstance(error, ConfigurationError):
        return HTTPException(503, "The project's configuration is wrong; the log of the service says how.")
    return error
