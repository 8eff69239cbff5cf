"""Paint a frame in a style."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from triptych.service.routes.asking import PROBLEMS, WRONG_FIELDS, Asked, Told, ask_model, check
from triptych.service.routes.shelf import PIXEL
from triptych.service.routes.uploads import describe_upload, read_upload
from triptych.service.served_model import ServedModel


class FrameOptions(Asked):
    """How a frame is painted."""

    style: Annotated[str, Field(min_length=1, max_length=200)]
    """One of `/video/styles`."""
    format: Literal["jpeg", "png"] = "jpeg"
    """Of the answer."""


class StyleNames(Told):
    """What a frame may be painted in."""

    styles: list[str]


def make_video_router(model: ServedModel, timeout_s: float) -> APIRouter:
    """Make the routes."""
    router = APIRouter(tags=["video"])
    body = describe_upload("picture", FrameOptions, {"picture": PIXEL, "style": "mosaic"})
    picture = {"schema": {"type": "string", "contentMediaType": "image/*", "format": "binary"}}
    content = {"image/jpeg": picture, "image/png": picture}
    painted: dict[int | str, dict[str, Any]] = {200: {"content": content, "description": "The painted frame"}}
    responses = {**painted, **PROBLEMS, **WRONG_FIELDS}

    @router.post("/video/frame", response_class=Response, responses=responses, openapi_extra=body)
    async def paint(request: Request) -> Response:
        """Paint a picture, sent as a file of a form or in JSON as base64 text, in its own size."""
        frame, options = await read_upload(request, "picture", FrameOptions)
        job = {"op": "paint", "picture": frame, "style": options.style, "format": options.format}
        _, media_type, painted_frame = check(await ask_model(request, model, job, timeout_s))
        return Response(painted_frame, media_type=media_type)

    @router.get("/video/styles", responses={status: PROBLEMS[status] for status in (401, 421)})
    async def list_styles() -> StyleNames:
        """List the styles; none while they are being loaded."""
        return StyleNames(styles=model.status.about.get("styles", []))

    return router
