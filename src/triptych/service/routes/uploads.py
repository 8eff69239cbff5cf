"""Pictures that are sent: as a file of a form, or in JSON as base64 text."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from triptych.service.guards.bodies import MULTIPART, read_content_type
from triptych.service.routes.asking import Asked
from triptych.serving.images import ImageError, to_bytes

Options = TypeVar("Options", bound=Asked)
_MOST_FIELDS = 10


async def read_upload(request: Request, name: str, options: type[Options]) -> tuple[bytes, Options]:
    """Read a picture and what goes with it, by the type of the body.

    The name that a file had where it comes from is not looked at.

    Args:
        request: Its body is within limits.
        name: The field with the picture.
        options: The other fields.

    Raises:
        HTTPException: 400 if the body is not of its type.
        RequestValidationError: If fields are missing, unknown or wrong.
    """
    media_type, _ = read_content_type(request.headers.get("content-type", ""))
    if media_type == MULTIPART:
        async with request.form(max_files=1, max_fields=_MOST_FIELDS) as form:
            return await _read_form(form, name, options)
    try:
        given = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is no JSON: {error}") from error
    if not isinstance(given, dict) or not isinstance(given.get(name), str):
        raise _missing(name, "base64 text")
    return _decode(given.pop(name), name), _validate(options, given, strict=True)


async def _read_form(form: FormData, name: str, options: type[Options]) -> tuple[bytes, Options]:
    names = [key for key, _ in form.multi_items()]
    if repeated := {key for key in names if names.count(key) > 1}:
        raise HTTPException(400, f"{sorted(repeated)[0][:50]} is given twice")
    file = form.get(name)
    if not isinstance(file, UploadFile):
        raise _missing(name, "a file")
    # A form has text only: numbers are read from it.
    fields = {key: value for key, value in form.items() if key != name}
    return await file.read(), _validate(options, fields, strict=False)


def _validate(options: type[Options], given: dict[str, Any], *, strict: bool) -> Options:
    try:
        return options.model_validate(given, strict=strict)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors(include_url=False)]
        raise RequestValidationError(problems) from error


def _decode(text: str, name: str) -> bytes:
    try:
        return to_bytes(text, len(text))
    except ImageError as error:
        raise HTTPException(400, f"{name} is {error}") from error


def _missing(name: str, kind: str) -> RequestValidationError:
    problem = {"type": "missing", "loc": ("body", name), "msg": f"Field required: {kind}"}
    return RequestValidationError([problem])


def describe_upload(name: str, options: type[Asked], example: dict[str, Any]) -> dict[str, Any]:
    """Describe the body of a request with a picture, for OpenAPI."""
    schema = options.model_json_schema()
    fields, required = schema.get("properties", {}), [*schema.get("required", []), name]
    shape = {"type": "object", "required": required, "additionalProperties": False}
    as_file = {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"}
    as_text = {
        "type": "string",
        "contentEncoding": "base64",
        "description": "A JPEG, PNG or the like, or its data: URL",
    }
    return {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": {**shape, "properties": {name: as_file, **fields}}},
                "application/json": {"schema": {**shape, "properties": {name: as_text, **fields}}, "example": example},
            },
        }
    }
