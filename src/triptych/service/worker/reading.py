"""What comes in a request, as tables and pictures."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from .answers import RefusedError

MOST_COLUMNS = 100
"""Of a table: a model takes a few and passes over the others, but each costs time and memory before that."""


def read_picture(data: bytes, max_pixels: int) -> Any:
    """Decode a picture as upright RGB."""
    from triptych.serving.images import ImageError, decode_image

    try:
        return decode_image(data, len(data), max_pixels)
    except ImageError as error:
        raise RefusedError(f"picture: {error}") from error


def read_invocation(content_type: str, body: bytes, schema: Any, max_rows: int) -> tuple[Any, dict[str, Any] | None]:
    """Read a request as MLflow's scoring server does.

    Rows and columns are counted before a table is made of them: a few hundred kB of rows that each have a column of
    their own are gigabytes as a table.

    Args:
        content_type: `application/json` or `text/csv`.
        body: JSON with one of `dataframe_split`, `dataframe_records`, `instances` and `inputs`, and perhaps `params`;
            or a table with a line of names.
        schema: Of the model's input.
        max_rows: Of the table.

    Returns:
        The table, and the parameters.

    Raises:
        RefusedError: If it is not of this form; MLflow raises an MlflowException where it does not fit.
    """
    from mlflow.pyfunc.scoring_server import SUPPORTED_FORMATS, infer_and_parse_data

    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise RefusedError(f"the request is not in UTF-8: {error.reason} at byte {error.start}") from error
    if content_type == "text/csv":
        return _read_csv(text, max_rows), None
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"the request is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise RefusedError(f"the request must be a JSON object with one of {', '.join(sorted(SUPPORTED_FORMATS))}")
    params = given.get("params")
    if params is not None and not isinstance(params, dict):
        raise RefusedError("params must be a JSON object")
    data = {name: value for name, value in given.items() if name in SUPPORTED_FORMATS}
    for form in data.items():
        _check_size(*form, max_rows)
    if columns := read_plain_records(data):
        return columns, params
    return to_table(infer_and_parse_data(data, schema)), params


def _check_size(form: str, data: Any, max_rows: int) -> None:
    """Refuse what would be a large table; what is none is refused later."""
    if not isinstance(data, dict):
        rows, columns = _measure_rows(data)
    elif form == "dataframe_split":
        rows, columns = len(_as_list(data.get("data"))), len(_as_list(data.get("columns")))
    else:
        rows, columns = max((len(_as_list(column)) for column in data.values()), default=0), len(data)
    check_rows(rows, max_rows)
    _check_columns(columns)


def _measure_rows(data: Any) -> tuple[int, int]:
    """Count rows, and the columns that any of them has: each with its own would make as many as there are rows."""
    rows = _as_list(data)
    names = {name for row in rows if isinstance(row, dict) for name in row}
    return len(rows), max([len(names), *(len(_as_list(row)) for row in rows)])


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def check_rows(count: int, max_rows: int) -> None:
    """Refuse a table of too many rows.

    Raises:
        RefusedError: If it is one.
    """
    if count > max_rows:
        raise RefusedError(f"{count} rows, more than {max_rows} a request: ask in parts")


def _check_columns(count: int) -> None:
    if count > MOST_COLUMNS:
        raise RefusedError(f"{count} columns, more than {MOST_COLUMNS}: leave out what the model does not take")


def read_plain_records(data: dict[str, Any]) -> dict[str, list[Any]]:
    """Read records of texts and whole numbers, of which MLflow makes the same, in a hundredth of the time.

    Returns:
        The columns; empty where it is anything else.
    """
    rows = data.get("dataframe_records")
    if len(data) != 1 or not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
        return {}
    names = tuple(rows[0])
    if not set(names) & {"title", "body", "image"} or not set(names) <= {"title", "body", "image", "question_id"}:
        return {}
    if not all(isinstance(row, dict) and tuple(row) == names for row in rows):
        return {}
    columns = {name: [row[name] for row in rows] for name in names}
    is_plain = all(
        all(type(value) is (int if name == "question_id" else str) for value in column)
        for name, column in columns.items()
    )
    return columns if is_plain else {}


def _read_csv(text: str, max_rows: int) -> Any:
    """Read a table; MLflow's own reader gives up on columns of any type, which both models have."""
    import pandas as pd

    try:
        # Written anew, so that pandas sees the very rows and columns that were counted.
        plain = io.StringIO()
        csv.writer(plain).writerows(_split_csv(text.removeprefix("\ufeff"), max_rows))
        plain.seek(0)
        return pd.read_csv(plain, dtype={"title": str, "body": str, "image": str})
    except (ValueError, csv.Error, pd.errors.ParserError) as error:  # of which that an empty text has no columns
        raise RefusedError(f"the request is no CSV: {error}") from error


def _split_csv(text: str, max_rows: int) -> list[list[str]]:
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # a photo as text is long
    rows: list[list[str]] = []
    for row in csv.reader(io.StringIO(text, newline=""), strict=True):
        if not row:
            continue  # as pandas does
        rows.append(row)
        check_rows(len(rows) - 1, max_rows)
        _check_columns(len(row))
        if len(row) > len(rows[0]):
            raise ValueError(f"row {len(rows) - 1} has {len(row)} fields, the line of names {len(rows[0])}")
    return rows


def to_table(data: Any) -> Any:
    """Make a table of what MLflow made of a request: one already, or an array for each column."""
    import numpy as np
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    if not isinstance(data, dict):
        raise RefusedError("the rows need names of columns")
    try:
        return pd.DataFrame({name: np.atleast_1d(values).tolist() for name, values in data.items()})
    except ValueError as error:
        raise RefusedError(f"the columns do not make a table: {error}") from error
