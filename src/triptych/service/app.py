"""The service as an application: guards, routes, and the models behind them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from triptych import __version__
from triptych.service.guards.bodies import BodyGuard, BodyRule, make_rules
from triptych.service.guards.callers import LOOPBACK_NAMES, HostGuard, TokenGuard
from triptych.service.guards.wrapping import HeaderGuard, Meter
from triptych.service.routes.faq import make_faq_router
from triptych.service.routes.health import make_health_router
from triptych.service.routes.invocations import make_invocations_router
from triptych.service.routes.shelf import PIXEL, make_shelf_router
from triptych.service.routes.video import make_video_router
from triptych.service.served_model import ServedModel
from triptych.service.sources import Settings, make_source
from triptych.service.takeover import Takeover
from triptych.service.telemetry import Telemetry

_EXAMPLES: dict[str, dict[str, Any]] = {
    "faq": {"dataframe_records": [{"title": "All my list items alert 5"}], "params": {"top_k": 1}},
    "shelf": {"dataframe_records": [{"image": PIXEL}], "params": {"score_threshold": 0.5}},
}
_ROUTERS: dict[str, Callable[[ServedModel, float], APIRouter]] = {
    "faq": make_faq_router,
    "shelf": make_shelf_router,
    "video": make_video_router,
}


def create_app(
    settings: Settings,
    routers: Iterable[APIRouter] = (),
    rules: Sequence[BodyRule] = (),
    telemetry: Telemetry | None = None,
    on_taken: Callable[[], None] | None = None,
) -> FastAPI:
    """Make the application; models are loaded when it starts.

    Its `state` has `settings` and `models` (`ServedModel` by workload) for routers that others bring.

    Args:
        settings: What is served, and how.
        routers: Further routes, such as pages.
        rules: What bodies these take; by default small JSON and forms.
        telemetry: What is measured; OpenTelemetry's global providers by default.
        on_taken: Called after a version was taken over.
    """
    telemetry = telemetry or Telemetry()
    models = {str(name): ServedModel(name, settings.params, telemetry) for name in settings.workloads}
    app = FastAPI(
        title="Triptych",
        version=__version__,
        summary="The promoted models of Triptych: questions, photos of shelves, frames of videos.",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        lifespan=_make_lifespan(settings, models, on_taken),
    )
    app.state.settings, app.state.models = settings, models
    app.add_exception_handler(RequestValidationError, _explain_validation)  # type: ignore[arg-type]
    for router in (*_make_routers(settings, models), *routers):
        app.include_router(router)
    _add_guards(app, settings, [*rules, *make_rules(settings.params.limits)], _find_queues(models), telemetry)
    return app


def _find_queues(models: Mapping[str, ServedModel]) -> dict[str, Callable[[], str]]:
    """List the paths that ask a model with bodies that may be large, each with what tells whether its queue is full."""
    paths = {
        "faq": ["/faq/ask", "/faq/invocations"],
        "shelf": ["/shelf/find", "/shelf/invocations", "/pages/find/photo"],
        "video": ["/video/frame"],
    }
    if len(models) == 1:
        paths = {name: [*paths[name], "/invocations"] for name in models}
    return {path: model.explain_full for name, model in models.items() for path in paths[name]}


def _make_routers(settings: Settings, models: dict[str, ServedModel]) -> list[APIRouter]:
    timeout_s = settings.params.timeouts.answer_s
    made = [make_health_router(models)]
    for name, model in models.items():
        made.append(_ROUTERS[name](model, timeout_s))
        if name in _EXAMPLES:
            made.append(make_invocations_router(f"/{name}", model, _EXAMPLES[name], timeout_s))
            if len(models) == 1:
                made.append(make_invocations_router("", model, _EXAMPLES[name], timeout_s))
    return made


def _add_guards(
    app: FastAPI,
    settings: Settings,
    rules: Sequence[BodyRule],
    queues: Mapping[str, Callable[[], str]],
    telemetry: Telemetry,
) -> None:
    """Add what a request passes; what is added last comes first."""
    params = settings.params
    allowed = params.allowed_hosts or (() if settings.token else LOOPBACK_NAMES)
    app.add_middleware(BodyGuard, rules=rules, limits=params.limits, timeouts=params.timeouts, queues=queues)
    app.add_middleware(TokenGuard, token=settings.token)
    app.add_middleware(HostGuard, allowed=allowed)
    app.add_middleware(HeaderGuard)
    app.add_middleware(Meter, telemetry=telemetry)
    if settings.token:
        _describe_token(app)


def _describe_token(app: FastAPI) -> None:
    """Say in the description that a token is needed."""
    describe = app.openapi

    def describe_with_token() -> dict[str, Any]:
        schema = describe()
        schemes = schema.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["token"] = {"type": "http", "scheme": "bearer"}
        schema["security"] = [{"token": []}]
        return schema

    app.openapi = describe_with_token  # type: ignore[method-assign]


def _make_lifespan(settings: Settings, models: dict[str, ServedModel], on_taken: Callable[[], None] | None) -> Any:
    @asynccontextmanager
    async def live(_: FastAPI) -> AsyncIterator[None]:
        """Watch what is promoted while the application runs."""
        watchers = [
            asyncio.create_task(Takeover(model, make_source(name, settings), settings.params, on_taken).watch())
            for name, model in models.items()
        ]
        try:
            yield
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            await asyncio.gather(*(model.close() for model in models.values()))

    return live


async def _explain_validation(_: Request, error: RequestValidationError) -> JSONResponse:
    """Name the fields that are wrong, but not what was in them: it may be long, or no text that can be sent."""
    told = [{"loc": problem["loc"], "msg": problem["msg"], "type": problem["type"]} for problem in error.errors()]
    return JSONResponse({"detail": told}, 422)
