"""The page that finds things on photos, each asked for by itself: a bad one loses no other."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse
from starlette.datastructures import UploadFile

from triptych.service.pages.drawing import Drawing, draw_photo
from triptych.service.pages.rendering import Renderer
from triptych.service.routes.asking import ask_model, read_rows
from triptych.service.served_model import ServedModel
from triptych.shelf.data.photo_files import PhotoError

LOWEST_SCORE = 0.05
"""What the model is asked for; the page hides what is below its slider."""
_MOST_DRAWN_AT_ONCE = 2
_LONGEST_NAME = 200


def make_find_router(renderer: Renderer, timeout_s: float) -> APIRouter:
    """Make the routes."""
    router = APIRouter(include_in_schema=False)
    drawing = asyncio.Semaphore(_MOST_DRAWN_AT_ONCE)  # a photo may unpack to 150 MB

    @router.get("/pages/find")
    async def show_find(request: Request) -> HTMLResponse:
        model = request.app.state.models.get("shelf")
        threshold = model.status.about.get("score_threshold", 0.5) if model else 0.5
        lowest = min(LOWEST_SCORE, threshold)
        return renderer.render("find.html", is_served=model is not None, threshold=threshold, lowest=lowest)

    @router.post("/pages/find/photo")
    async def find(request: Request) -> HTMLResponse:
        name = "photo"
        try:
            name, photo = await _read_photo(request)
            rows = read_rows(await _ask(request, photo, timeout_s))
            async with drawing:
                drawn = await asyncio.to_thread(draw_photo, photo, rows)
        except PhotoError as error:
            return renderer.render("_photo.html", 400, name=name, problem=str(error), drawn=None)
        except HTTPException as error:
            problem = str(error.detail).removeprefix("image 0: ")  # of a table with one
            answer = renderer.render("_photo.html", error.status_code, name=name, problem=problem, drawn=None)
            answer.headers.update(error.headers or {})
            return answer
        told = _tell(name, drawn)
        return renderer.render("_photo.html", name=name, problem="", drawn=drawn, told=told)

    return router


async def _read_photo(request: Request) -> tuple[str, bytes]:
    """Read a photo and the name that it has where it comes from, which is shown and used for nothing else."""
    async with request.form(max_files=1, max_fields=1) as form:
        file = form.get("photo")
        if not isinstance(file, UploadFile):
            raise HTTPException(422, "a photo is needed")
        return (file.filename or "photo")[-_LONGEST_NAME:], await file.read()


async def _ask(request: Request, photo: bytes, timeout_s: float) -> Any:
    model: ServedModel | None = request.app.state.models.get("shelf")
    if model is None:
        raise HTTPException(404, "No detector is served here: start `triptych serve shelf`.")
    lowest = min(LOWEST_SCORE, model.status.about.get("score_threshold", LOWEST_SCORE))
    job = {"op": "rows", "columns": {"image": [photo]}, "params": {"score_threshold": lowest}}
    return await ask_model(request, model, job, timeout_s)


def _tell(name: str, drawn: Drawing) -> str:
    """Give as JSON what the page makes its files of; COCO's boxes and run lengths."""
    detections = [
        {"category": item.category, "score": item.score, "bbox": item.box, "segmentation": item.mask}
        for item in drawn.outlines
    ]
    return json.dumps({"file_name": name, "width": drawn.width, "height": drawn.height, "detections": detections})
