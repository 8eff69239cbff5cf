"""How routes ask models."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import HTTPException, Request
from pydantic import BaseModel, ConfigDict

from triptych.service.batcher import QueueFullError
from triptych.service.served_model import LATE, ServedModel
from triptych.service.worker.answers import Answer, Job

_RETRY = {"Retry-After": "1"}


class Asked(BaseModel):
    """What comes as JSON: nothing is converted, and nothing unknown is passed over."""

    model_config = ConfigDict(strict=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Told(BaseModel):
    """What goes out."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Problem(Told):
    """Why a request was refused."""

    detail: str
    """A sentence for people."""


class FieldProblem(Told):
    """What is wrong with a field."""

    loc: list[str | int]
    """Where it is."""
    msg: str
    type: str


class FieldProblems(Told):
    """What is wrong with a request's fields."""

    detail: list[FieldProblem]


_MEANINGS = {
    400: "The request is not of the form above, or the model refuses it",
    401: "The token is missing or wrong",
    403: "A page of another origin asks",
    408: "The body did not come in time",
    413: "The body is too large",
    415: "The body is of another type",
    421: "The Host is none of this service's",
    500: "A fault of the service's; its log has the reason",
    503: "Too many requests wait, or no version is loaded: ask again after `Retry-After` seconds",
    504: "The model took too long",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": meaning} for status, meaning in _MEANINGS.items()
}
"""What every route that asks a model may answer instead."""
WRONG_FIELDS: dict[int | str, dict[str, Any]] = {
    422: {"model": FieldProblems, "description": "Fields are missing, unknown or wrong"}
}


async def ask_model(request: Request, model: ServedModel, job: Job, timeout_s: float) -> Answer:
    """Ask, and take the job back if the caller goes or it takes too long.

    Raises:
        HTTPException: 503 if too many wait or there is no version.
    """
    if model.status.version is None:
        raise HTTPException(503, model.status.problem or f"{model.workload} is being loaded", _RETRY)
    try:
        answer = model.submit(job)
    except QueueFullError as error:
        raise HTTPException(503, str(error), _RETRY) from error
    gone = asyncio.create_task(_wait_for_end(request))
    both: set[asyncio.Future[Any]] = {answer, gone}
    try:
        await asyncio.wait(both, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        return answer.result() if answer.done() else LATE
    finally:
        gone.cancel()
        answer.cancel()


def read_rows(answer: Answer) -> list[dict[str, Any]]:
    """Read the rows that a model gave.

    Raises:
        HTTPException: If it refused, or failed.
    """
    return list(json.loads(check(answer)[2])["predictions"])


def check(answer: Answer) -> Answer:
    """Let an answer pass, or raise an HTTPException with its reason."""
    status, media_type, body = answer
    if status == 200:
        return answer
    text = json.loads(body)["message"] if media_type == "application/json" else body.decode()
    raise HTTPException(status, text, _RETRY if status == 503 else None)


async def _wait_for_end(request: Request) -> None:
    """Wait until the caller is gone; its body has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
