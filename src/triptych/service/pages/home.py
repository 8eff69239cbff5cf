"""The first page: what is served, recent runs, and where to look further."""

from __future__ import annotations

import asyncio
import logging
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from triptych.service.pages.rendering import Renderer, is_fragment
from triptych.service.pages.runs import MEDIA_TYPES, find_report, list_artifacts, list_reports, list_runs, read_artifact

_logger = logging.getLogger(__name__)
_RunId = Annotated[str, Path(pattern=r"^[0-9A-Za-z_-]{1,128}$")]


def make_home_router(renderer: Renderer, max_runs: int) -> APIRouter:
    """Make the routes."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def show_home(request: Request) -> HTMLResponse:
        state = request.app.state
        reports = await asyncio.to_thread(list_reports, state.settings.reports)
        return renderer.render("home.html", models=state.models, reports=reports, max_runs=max_runs)

    @router.get("/pages/runs")
    async def show_runs(request: Request) -> HTMLResponse:
        uri = request.app.state.settings.tracking_uri
        name = "_runs.html" if is_fragment(request) else "runs.html"
        try:
            runs = await asyncio.to_thread(list_runs, uri, max_runs)
        except Exception:  # whatever the client of a server that is elsewhere raises
            _logger.exception("The runs of MLflow cannot be read")
            problem = "MLflow cannot be asked; the service's log says why."
            return renderer.render(name, runs=[], problem=problem)
        return renderer.render(name, runs=runs, problem="")

    @router.get("/pages/runs/{run}/pictures")
    async def show_pictures(request: Request, run: _RunId) -> HTMLResponse:
        uri = request.app.state.settings.tracking_uri
        try:
            names = await asyncio.to_thread(list_artifacts, uri, run)
        except Exception:  # as above; of a run that is gone too
            _logger.exception("The pictures of run %s cannot be listed", run)
            return renderer.render("_problem.html", problem="Its pictures cannot be listed.")
        return renderer.render("_pictures.html", run=run, names=names)

    _add_files(router)
    return router


def _add_files(router: APIRouter) -> None:
    @router.get("/pages/runs/{run}/pictures/{name:path}")
    async def load_artifact(request: Request, run: _RunId, name: str) -> Response:
        content = await asyncio.to_thread(read_artifact, request.app.state.settings.tracking_uri, run, name)
        if content is None:
            raise HTTPException(404, "the run has no such picture")
        return Response(content, media_type=MEDIA_TYPES[PurePosixPath(name).suffix.lower()])

    @router.get("/pages/reports/{name:path}")
    async def load_report(request: Request, name: str) -> FileResponse:
        path = await asyncio.to_thread(find_report, request.app.state.settings.reports, name)
        if path is None:
            raise HTTPException(404, "there is no such picture")
        return FileResponse(path, media_type=MEDIA_TYPES[path.suffix.lower()])
