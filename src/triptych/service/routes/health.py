"""Whether the service lives, whether it is ready, and what it serves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from triptych.service.routes.asking import PROBLEMS, Told
from triptych.service.served_model import ServedModel

# Probes have no token.
_OPEN: dict[str, Any] = {"security": []}


class Liveness(Told):
    """The process answers."""

    status: Literal["alive"] = "alive"


class ModelStatus(Told):
    """A model that is served."""

    version: str | None
    """The version that answers; null while there is none."""
    since: datetime | None
    """When it began to."""
    problem: str
    """Why there is none, or why another version was not taken over; empty if all is well."""


class Readiness(Told):
    """Whether every model has a version that answers."""

    status: Literal["ready", "not ready"]
    models: dict[str, ModelStatus]
    """By workload; empty for who has no token where one is needed."""


def make_health_router(models: Mapping[str, ServedModel]) -> APIRouter:
    """Make the routes of probes."""
    router = APIRouter(tags=["health"])

    @router.get("/health/live", responses={421: PROBLEMS[421]}, openapi_extra=_OPEN)
    async def live() -> Liveness:
        """Say that the process answers."""
        return Liveness()

    @router.get("/health/ready", responses={421: PROBLEMS[421], 503: {"model": Readiness}}, openapi_extra=_OPEN)
    async def ready(request: Request, response: Response) -> Readiness:
        """Say whether every model has a version that answers."""
        is_ready = all(model.status.version for model in models.values())
        response.status_code = 200 if is_ready else 503
        told = {name: _describe(model) for name, model in models.items()} if request.state.is_known else {}
        return Readiness(status="ready" if is_ready else "not ready", models=told)

    @router.get("/ping", include_in_schema=False)
    async def ping() -> Response:
        """Answer as MLflow's server does."""
        is_ready = all(model.status.version for model in models.values())
        return Response("\n", 200 if is_ready else 404, media_type="application/json")

    return router


def _describe(model: ServedModel) -> ModelStatus:
    status = model.status
    since = datetime.fromtimestamp(status.since, timezone.utc) if status.version else None
    return ModelStatus(version=status.version, since=since, problem=status.problem)
