"""Jobs over HTTP, for an app of FastAPI to include."""

from __future__ import annotations

import hmac
import logging
import os
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, HTTPException, Path, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from triptych.jobs.checking import ConfigurationError, RefusedError
from triptych.jobs.service import Jobs
from triptych.jobs.settings import JobSettings
from triptych.jobs.store import Job, KeyReusedError, QueueFullError, State

__all__ = ["create_jobs_router"]

_logger = logging.getLogger(__name__)
_RETRY_S = "30"
_JobId = Annotated[str, Path(max_length=64, pattern=r"^[0-9a-f-]+$", description="Of the job, as it was given.")]
_ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"description": "The token is missing or wrong."},
    404: {"description": "There is no such job, or file."},
}


class Asked(BaseModel):
    """A run that is asked for."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    pipeline: Annotated[str, Field(min_length=1, max_length=100)]
    """A registered pipeline."""
    parameters: dict[str, Any] = {}
    """As for `kedro run --params`: by dotted names, or nested."""
    environment: Annotated[str, Field(min_length=1, max_length=100)] = "local"
    """Environment of the configuration; `azure` submits to Azure ML."""


class Steps(BaseModel):
    """How far a run is."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    steps_done: int | None
    """Nodes that are done."""
    steps: int | None
    """Nodes there are; known after the first."""
    line: str
    """What was said last."""


class Shown(BaseModel):
    """A job."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Its name."""
    pipeline: str
    """What it runs."""
    environment: str
    """Environment of the configuration."""
    state: State
    """`queued`, `running`, or how it ended; `interrupted`: it was killed with the machine; `submitted`: Azure ML has
    it, and what becomes of it there is not followed."""
    attempts: int
    """How often it was begun."""
    created_s: float
    """When it was asked for, in seconds since 1970."""
    started_s: float | None
    """When it was last begun."""
    ended_s: float | None
    """When it ended."""
    exit_code: int | None
    """Of its process."""
    reason: str
    """Why it is not completed; of one that is submitted, how to follow it."""
    progress: Steps | None = None
    """How far it is; not in lists."""


def create_jobs_router(settings: JobSettings) -> APIRouter:
    """Make the routes `/jobs`; who includes them says who may come in, beside the token of the settings.

    The jobs are run by a `Consumer`, in this process or another.

    Args:
        settings: What jobs may do.
    """
    jobs = Jobs(settings)
    router = APIRouter(prefix="/jobs", tags=["jobs"], dependencies=[Depends(_make_guard(settings))], responses=_ERRORS)
    _add_asking(router, jobs)
    _add_reading(router, jobs)
    return router


def _make_guard(settings: JobSettings) -> Any:
    def check_token(authorization: Annotated[str, Header()] = "") -> None:
        if settings.token is None:
            return
        kind, _, given = authorization.partition(" ")
        wanted = settings.token.get_secret_value()
        if kind.lower() != "bearer" or not hmac.compare_digest(
            given.strip().encode("latin-1"),  # as which headers are read
            wanted.encode(),
        ):
            raise HTTPException(401, "a token is needed: Authorization: Bearer ...", {"WWW-Authenticate": "Bearer"})

    return check_token


def _add_asking(router: APIRouter, jobs: Jobs) -> None:
    @router.post(
        "",
        status_code=202,
        response_model=Shown,
        responses={
            200: {"description": "The key has come before: the job that is there.", "model": Shown},
            400: {"description": "The body is not UTF-8."},
            409: {"description": "The key belongs to another job."},
            422: {"description": "It may not be run; `detail` says why."},
            429: {"description": "Too many jobs wait."},
            503: {"description": "The project's configuration is wrong."},
        },
    )
    def submit_job(
        response: Response,
        asked: Annotated[Asked, Body()],
        idempotency_key: Annotated[str | None, Header(pattern=r"^[\x21-\x7e]{1,200}$")] = None,
    ) -> Shown:
        """Ask for a run; with an `Idempotency-Key`, a request that comes again gives the same job."""
        try:
            job, is_new = jobs.submit(asked.pipeline, asked.parameters, asked.environment, idempotency_key)
        except RefusedError as error:
            raise HTTPException(422, str(error).splitlines()) from error
        except KeyReusedError as error:
            raise HTTPException(409, str(error)) from error
        except QueueFullError as error:
            raise HTTPException(429, str(error), {"Retry-After": _RETRY_S}) from error
        except ConfigurationError as error:
            _logger.exception("A job could not be checked")
            raise HTTPException(503, "the project's configuration is wrong; the log of the service says how") from error
        response.status_code = 202 if is_new else 200
        response.headers["Location"] = f"{router.prefix}/{job.id}"
        return _show(jobs, job)

    @router.post("/{job_id}/cancel")
    def cancel_job(job_id: _JobId) -> Shown:
        """End a job: at once if it waits, soon if it runs; one that has ended stays as it is."""
        job = jobs.cancel(job_id)
        if job is None:
            raise HTTPException(404, f"there is no job {job_id}")
        return _show(jobs, job)


def _add_reading(router: APIRouter, jobs: Jobs) -> None:
    @router.get("")
    def list_jobs(state: State | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[Shown]:
        """List jobs, the newest first."""
        return [_show(jobs, job, in_list=True) for job in jobs.list(state, limit)]

    @router.get("/{job_id}")
    def get_job(job_id: _JobId) -> Shown:
        """Show a job and how far it is."""
        return _show(jobs, _find(jobs, job_id))

    @router.get("/{job_id}/log", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def get_job_log(job_id: _JobId, offset: Annotated[int, Query(ge=0, le=2**40)] = 0) -> Response:
        """Read the log from an offset in bytes on, up to a megabyte; `X-Next-Offset` says where to go on."""
        text = jobs.read_log(_find(jobs, job_id), offset)
        headers = {"X-Next-Offset": str(offset + len(text)), "X-Content-Type-Options": "nosniff"}
        return Response(text, media_type="text/plain; charset=utf-8", headers=headers)

    @router.get("/{job_id}/results")
    def list_job_results(job_id: _JobId) -> list[str]:
        """List the files that a run has made."""
        return list(_list_results(jobs, job_id))

    @router.get("/{job_id}/results/{name:path}", response_class=FileResponse)
    def get_job_result(job_id: _JobId, name: Annotated[str, Path(max_length=4096)]) -> FileResponse:
        """Download a file that a run has made."""
        path = _list_results(jobs, job_id).get(name)  # looked up, never joined
        if path is None:
            raise HTTPException(404, "the job has made no such file")
        headers = {"X-Content-Type-Options": "nosniff"}
        return FileResponse(path, filename=_to_text(path.name), content_disposition_type="attachment", headers=headers)


def _find(jobs: Jobs, job_id: str) -> Job:
    job = jobs.find(job_id)
    if job is None:
        raise HTTPException(404, f"there is no job {job_id}")
    return job


def _list_results(jobs: Jobs, job_id: str) -> dict[str, FilePath]:
    return {_to_text(name): path for name, path in jobs.list_results(_find(jobs, job_id)).items()}


def _to_text(name: str) -> str:
    """Write a name that is no UTF-8 so that JSON can hold it."""
    return os.fsencode(name).decode("utf-8", "replace")


def _show(jobs: Jobs, job: Job, in_list: bool = False) -> Shown:
    values = {name: getattr(job, name) for name in Shown.model_fields if name != "progress"}
    progress = None if in_list or not job.attempts else Steps(**vars(jobs.read_progress(job)))
    return Shown(**values, progress=progress)
