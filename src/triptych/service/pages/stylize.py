"""The page that paints: a picture at once, a video as a job whose progress is watched."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.datastructures import UploadFile

from triptych.service.pages.drawing import draw_photo
from triptych.service.pages.rendering import Renderer, is_fragment
from triptych.service.pages.sample import Samples
from triptych.service.pages.videos import Videos
from triptych.service.routes.asking import ask_model, check
from triptych.service.served_model import ServedModel
from triptych.shelf.data.photo_files import PhotoError

_Id = Annotated[str, Query(max_length=64, pattern=r"^[0-9a-f-]*$")]
_MOST_FIELDS = 5


def make_stylize_router(renderer: Renderer, videos: Videos | None, timeout_s: float) -> APIRouter:
    """Make the routes.

    Args:
        renderer: Fills templates in.
        videos: Makes jobs of videos; None where jobs are off.
        timeout_s: For a picture.
    """
    router = APIRouter(include_in_schema=False)
    samples = Samples(timeout_s)

    @router.get("/pages/stylize")
    async def show_stylize(request: Request, job: _Id = "") -> HTMLResponse:
        model = request.app.state.models.get("video")
        values: dict[str, Any] = {"model": model, "result": ""}
        if job and videos:
            values["result"] = _render_job(renderer, videos, job)
        values["recent"] = await asyncio.to_thread(videos.list_recent) if videos else []
        return renderer.render("stylize.html", **values)

    @router.get("/pages/stylize/style")
    async def show_style(request: Request, name: Annotated[str, Query(max_length=200)]) -> Response:
        return await samples.paint(request, _find_model(request), name)

    @router.post("/pages/stylize/start")
    async def start(request: Request) -> Response:
        try:
            async with request.form(max_files=1, max_fields=_MOST_FIELDS) as form:
                file, style = form.get("file"), str(form.get("style", ""))
                if not isinstance(file, UploadFile) or not file.filename:
                    raise HTTPException(422, "Choose a video or a picture first.")
                if Videos.takes(file.filename):
                    return await _start_job(request, renderer, videos, file, style)
                return await _paint_picture(request, renderer, file, style, timeout_s)
        except HTTPException as error:
            return _show_problem(request, renderer, error)

    if videos:
        _add_job_routes(router, renderer, videos)
    return router


def _add_job_routes(router: APIRouter, renderer: Renderer, videos: Videos) -> None:
    @router.get("/pages/stylize/jobs/{job_id}")
    async def show_job(job_id: str, state: str = "") -> HTMLResponse:
        return HTMLResponse(await asyncio.to_thread(_render_job, renderer, videos, job_id, state))

    @router.post("/pages/stylize/jobs/{job_id}/cancel")
    async def cancel(job_id: str) -> HTMLResponse:
        await asyncio.to_thread(videos.cancel, job_id)
        return HTMLResponse(await asyncio.to_thread(_render_job, renderer, videos, job_id))

    @router.get("/pages/stylize/jobs/{job_id}/before")
    async def show_before(job_id: str) -> FileResponse:
        return _send(await asyncio.to_thread(videos.find_source, job_id), is_saved=False)

    @router.get("/pages/stylize/jobs/{job_id}/after")
    async def show_after(job_id: str, save: bool = False) -> FileResponse:
        return _send(await asyncio.to_thread(videos.find_result, job_id), is_saved=save)


def _send(path: Path | None, *, is_saved: bool) -> FileResponse:
    if path is None:
        raise HTTPException(404, "there is no such video")
    kind = "attachment" if is_saved else "inline"
    return FileResponse(path, filename=path.name, content_disposition_type=kind)


def _find_model(request: Request) -> ServedModel:
    model: ServedModel | None = request.app.state.models.get("video")
    if model is None:
        raise HTTPException(404, "No style is served here: start `triptych serve video`.")
    return model


async def _start_job(
    request: Request, renderer: Renderer, videos: Videos | None, file: UploadFile, style: str
) -> Response:
    if videos is None:
        raise HTTPException(409, "Videos become jobs, and jobs are off: start `triptych serve --jobs`.")
    if style not in _find_model(request).status.about.get("styles", []):
        raise HTTPException(422, "Choose one of the styles.")
    style_model = request.app.state.settings.style_model
    job = await asyncio.to_thread(videos.submit, file.file, file.filename or "", style, style_model)
    address = f"/pages/stylize?job={job}"
    if not is_fragment(request):
        return Response(status_code=303, headers={"Location": address})
    part = await asyncio.to_thread(_render_job, renderer, videos, job)
    return HTMLResponse(part, headers={"HX-Push-Url": address})


async def _paint_picture(
    request: Request, renderer: Renderer, file: UploadFile, style: str, timeout_s: float
) -> Response:
    model, picture = _find_model(request), await file.read()
    job = {"op": "paint", "picture": picture, "style": style, "format": "jpeg"}
    _, _, painted = check(await ask_model(request, model, job, timeout_s))
    try:
        before = await asyncio.to_thread(draw_photo, picture, [])
    except PhotoError as error:
        raise HTTPException(400, str(error)) from error
    after = "data:image/jpeg;base64," + base64.b64encode(painted).decode()
    values = {"before": before, "after": after, "name": (file.filename or "picture")[-200:], "style": style}
    return _show_part(request, renderer, 200, "_painted.html", **values)


def _render_job(renderer: Renderer, videos: Videos, job_id: str, known_state: str = "") -> str:
    """Show how far a job is; with what is to be said aloud where its state is another than was known."""
    shown = videos.describe(job_id)
    if shown is None:
        return bytes(renderer.render("_problem.html", problem="There is no such job.").body).decode()
    page = renderer.render("_job.html", job=shown, is_news=shown.state != known_state)
    return bytes(page.body).decode()


def _show_problem(request: Request, renderer: Renderer, error: HTTPException) -> Response:
    answer = _show_part(request, renderer, error.status_code, "_problem.html", problem=str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


def _show_part(request: Request, renderer: Renderer, status: int, template: str, /, **values: Any) -> Response:
    """Give a part of the page to htmx, and the page with it to whoever has no JavaScript."""
    part = renderer.render(template, status, **values)
    if is_fragment(request):
        return part
    model = request.app.state.models.get("video")
    result = bytes(part.body).decode()
    return renderer.render("stylize.html", status, model=model, result=result, recent=[])
