"""Make pages of templates, and give the files that they load."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_KEPT = "private, max-age=31536000, immutable"


class Renderer:
    """Fills templates in.

    Args:
        common: What every template may use.
    """

    def __init__(self, common: Mapping[str, Any]) -> None:
        self._environment = Environment(
            loader=PackageLoader("triptych.service.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.files = _read_static()
        self._environment.globals.update(common, static=self._name_static)

    def render(self, name: str, status: int = 200, /, **values: Any) -> HTMLResponse:
        """Make a page, or a part of one (`_NAME.html`)."""
        return HTMLResponse(self._environment.get_template(name).render(values), status)

    def _name_static(self, name: str) -> str:
        """Give the address of a file; with another content it has another address, so that browsers may keep it."""
        return f"/pages/static/{name}?v={hashlib.sha256(self.files[name][1]).hexdigest()[:12]}"


def is_fragment(request: Request) -> bool:
    """Tell whether htmx asks, which needs a part of a page only."""
    return request.headers.get("hx-request") == "true"


def make_static_router(renderer: Renderer) -> APIRouter:
    """Make the route of the files that pages load."""
    router = APIRouter(include_in_schema=False)

    @router.get("/pages/static/{name}")
    async def load_static(name: str) -> Response:
        if name not in renderer.files:  # looked up, never joined
            raise HTTPException(404, "there is no such file")
        media_type, content = renderer.files[name]
        return Response(content, media_type=media_type, headers={"Cache-Control": _KEPT})

    return router


def _read_static() -> dict[str, tuple[str, bytes]]:
    folder = files("triptych.service.pages") / "static"
    found = {}
    for file in folder.iterdir():
        suffix = "." + file.name.rpartition(".")[2]
        if suffix in _TYPES:
            found[file.name] = (_TYPES[suffix], file.read_bytes())
    return found
