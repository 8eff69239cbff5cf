"""All pages together."""

from __future__ import annotations

from fastapi import APIRouter

from triptych.jobs.settings import JobSettings
from triptych.service.guards.bodies import FORM, MULTIPART, BodyRule
from triptych.service.pages.ask import make_ask_router
from triptych.service.pages.find import make_find_router
from triptych.service.pages.home import make_home_router
from triptych.service.pages.rendering import Renderer, make_static_router
from triptych.service.pages.stylize import make_stylize_router
from triptych.service.pages.videos import Videos
from triptych.service.params import ServiceParams

__all__ = ["make_page_rules", "make_pages_router"]


def make_pages_router(params: ServiceParams, jobs: JobSettings | None = None) -> APIRouter:
    """Make the routes `/` and `/pages`, for `create_app`.

    Args:
        params: Of the service.
        jobs: What jobs may do that somebody else runs; None where they are off.
    """
    renderer = Renderer({"pages": params.pages, "has_jobs": jobs is not None})
    router = APIRouter()
    router.include_router(make_static_router(renderer))
    router.include_router(make_home_router(renderer, params.pages.max_runs))
    router.include_router(make_ask_router(renderer, params.timeouts.answer_s))
    router.include_router(make_find_router(renderer, params.timeouts.answer_s))
    videos = Videos(jobs, params.pages) if jobs else None
    router.include_router(make_stylize_router(renderer, videos, params.timeouts.answer_s))
    return router


def make_page_rules(params: ServiceParams) -> list[BodyRule]:
    """Make the rules of what bodies the pages take."""
    return [
        BodyRule("/pages/find/", int(params.limits.max_shelf_body_mb * 1e6), (MULTIPART,)),
        # A video is read as it comes, to a file.
        BodyRule("/pages/stylize/start", int(params.pages.max_upload_mb * 1e6), (MULTIPART,), is_held=False),
        BodyRule("/pages/ask", int(params.limits.max_faq_body_mb * 1e6), (FORM,)),
    ]
