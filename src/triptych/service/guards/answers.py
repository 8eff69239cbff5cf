"""Answers that guards give instead of a route."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse


def refuse(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Make an answer with the reason."""
    return JSONResponse({"detail": detail}, status, headers)
