"""Find gaps on a photo of a shelf."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from triptych.service.routes.asking import PROBLEMS, WRONG_FIELDS, Asked, Told, ask_model, read_rows
from triptych.service.routes.uploads import describe_upload, read_upload
from triptych.service.served_model import ServedModel

# A red pixel.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"


class FindOptions(Asked):
    """What is asked of a photo."""

    score_threshold: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """From which score on detections are given; 0 takes the one with the best F1 on the validation photos."""


class Mask(Told):
    """COCO's compressed run lengths."""

    size: tuple[int, int]
    """Height and width of the photo."""
    counts: str


class Detection(Told):
    """Something that was found."""

    category: str
    score: float
    x: float
    """Of the left edge of its box, in pixels of the upright photo."""
    y: float
    """Of the upper edge."""
    width: float
    height: float
    mask: Mask | None
    """Null where the detector finds boxes only."""


class Detections(Told):
    """What was found on a photo."""

    version: str
    """The model that answered."""
    detections: list[Detection]
    """Best score first."""


def make_shelf_router(model: ServedModel, timeout_s: float) -> APIRouter:
    """Make the route."""
    router = APIRouter(tags=["shelf"])
    body = describe_upload("photo", FindOptions, {"photo": PIXEL, "score_threshold": 0.5})

    @router.post("/shelf/find", responses={**PROBLEMS, **WRONG_FIELDS}, openapi_extra=body)
    async def find(request: Request) -> Detections:
        """Find gaps on a photo, sent as a file of a form or in JSON as base64 text."""
        photo, options = await read_upload(request, "photo", FindOptions)
        params = {"score_threshold": options.score_threshold}
        job = {"op": "rows", "columns": {"image": [photo]}, "params": params}
        rows = read_rows(await ask_model(request, model, job, timeout_s))
        return Detections(version=str(model.status.version), detections=[_read_detection(row) for row in rows])

    return router


def _read_detection(row: dict[str, Any]) -> Detection:
    mask = json.loads(row["mask"]) if row["mask"] else None
    return Detection.model_validate({**row, "mask": mask})
