"""All pages together."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from triptych.service.guards.bodies import FORM, MULTIPART, BodyRule
from triptych.service.pages.ask import make_ask_router
from triptych.service.pages.find import make_find_router
from triptych.service.pages.rendering import Renderer, make_static_router
from triptych.service.params import ServiceParams

__all__ = ["make_page_rules", "make_pages_router"]


def make_pages_router(params: ServiceParams) -> APIRouter:
    """Make the routes `/` and `/pages`, for `create_app`.

    Args:
        params: Of the service.
    """
    renderer = Renderer({"pages": params.pages})
    router = APIRouter()
    router.include_router(make_static_router(renderer))
    router.include_router(_make_home_router(renderer))
    router.include_router(make_ask_router(renderer, params.timeouts.answer_s))
    router.include_router(make_find_router(renderer, params.timeouts.answer_s))
    return router


def make_page_rules(params: ServiceParams) -> list[BodyRule]:
    """Make the rules of what bodies the pages take."""
    return [
        BodyRule("/pages/find/", int(params.limits.max_shelf_body_mb * 1e6), (MULTIPART,)),
        BodyRule("/pages/ask", int(params.limits.max_faq_body_mb * 1e6), (FORM,)),
    ]


def _make_home_router(renderer: Renderer) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def show_home(request: Request) -> HTMLResponse:
        return renderer.render("home.html", models=request.app.state.models)

    return router
