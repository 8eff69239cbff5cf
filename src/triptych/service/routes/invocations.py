"""The interface of MLflow's scoring server."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from triptych.service.guards.bodies import read_content_type
from triptych.service.routes.asking import PROBLEMS, ask_model
from triptych.service.served_model import ServedModel

_TABLE = {"type": "object", "description": "Columns and rows"}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "One of the four forms of MLflow's, and perhaps parameters.",
    "properties": {
        "dataframe_records": {"type": "array", "items": {"type": "object"}, "description": "A row each"},
        "dataframe_split": {
            "type": "object",
            "properties": {
                "index": {"type": "array", "items": {}},
                "columns": {"type": "array", "items": {"type": "string"}},
                "data": {"type": "array", "items": {"type": "array", "items": {}}},
            },
            "required": ["columns", "data"],
        },
        "instances": {"type": "array", "items": {"type": "object"}, "description": "A row each"},
        "inputs": {"type": "object", "description": "A list of values for each column"},
        "params": {"type": "object", "description": "Parameters of the model"},
    },
}
_FAILURES = {400, 500, 503, 504}
_FAILED: dict[str, Any] = {
    "type": "object",
    "properties": {"error_code": {"type": "string"}, "message": {"type": "string"}, "detail": {"type": "string"}},
}


def make_invocations_router(prefix: str, model: ServedModel, example: dict[str, Any], timeout_s: float) -> APIRouter:
    """Make the route that answers as `mlflow models serve` does.

    Args:
        prefix: Of its path.
        model: What is asked.
        example: A request, for the description.
        timeout_s: For an answer.
    """
    router = APIRouter(tags=["mlflow"])
    responses = {status: _describe_failure(status) for status in PROBLEMS}

    @router.post(
        f"{prefix}/invocations",
        operation_id=f"invoke_{model.workload}{'' if prefix else '_alone'}",
        summary=f"Ask {model.workload} as MLflow's server is asked",
        responses={200: {"content": {"application/json": {"schema": _PREDICTIONS}}}, **responses},
        openapi_extra={"requestBody": _describe_body(example)},
    )
    async def invoke(request: Request) -> Response:
        """Give a row for each prediction, in `predictions`."""
        media_type = read_content_type(request.headers.get("content-type", ""))[0] or "application/json"
        job = {"op": "invocations", "content_type": media_type, "body": await request.body()}
        try:
            status, kind, body = await ask_model(request, model, job, timeout_s)
        except HTTPException as error:
            problem = {"error_code": "TEMPORARILY_UNAVAILABLE", "message": error.detail}
            return Response(json.dumps(problem), error.status_code, error.headers, "application/json")
        if kind != "application/json":
            body, kind = (
                json.dumps({"error_code": "INTERNAL_ERROR", "message": body.decode()}).encode(),
                "application/json",
            )
        return Response(body, status, {"Retry-After": "1"} if status == 503 else None, kind)

    return router


_PREDICTIONS = {
    "type": "object",
    "properties": {"predictions": {"type": "array", "items": {"type": "object"}}},
    "required": ["predictions"],
}


def _describe_body(example: dict[str, Any]) -> dict[str, Any]:
    names, *rows = [list(example["dataframe_records"][0]), list(example["dataframe_records"][0].values())]
    table = ",".join(names) + "\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n"
    return {
        "required": True,
        "content": {
            "application/json": {"schema": _SCHEMA, "example": example},
            "text/csv": {"schema": {"type": "string"}, "example": table},
        },
    }


def _describe_failure(status: int | str) -> dict[str, Any]:
    described = dict(PROBLEMS[status])
    if status in _FAILURES:
        described.pop("model")
        described["content"] = {"application/json": {"schema": _FAILED}}
    return described
