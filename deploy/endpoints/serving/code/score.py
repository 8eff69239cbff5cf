"""What an online deployment runs: a model in MLflow's format, asked with the same JSON as `mlflow models serve`.

{"dataframe_records": [...]} or {"dataframe_split": {...}}, and optionally "params": {...}; the answer is
{"predictions": [...]}, one record a row. Wrong input is answered by status 400, and a body with the reason. A managed
endpoint hands on as 424 whatever is not 200; the 400 is then in the header `ms-azureml-model-error-statuscode`.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when MLflow is imported

import mlflow.pyfunc
import pandas as pd
from mlflow.exceptions import MlflowException

_logger = logging.getLogger(__name__)
_model: Any = None
_collectors: dict[str, Any] = {}
# Photos come as base64 text, a third longer than they are.
MOST_CHARACTERS = 300_000_000
MOST_DEPTH = 16
_DECIMALS = 9  # that drift is compared to; the collector cuts figures at ten
# By ids, texts and masks no weeks can be compared.
_NOT_COLLECTED = ["question_id", "original_id", "title", "answer_id", "answer", "photo", "mask", "image"]


class TooLargeError(ValueError):
    """A request that is longer than is read."""


def init() -> None:
    """Load the model; called once by the inference server."""
    global _model
    _model = mlflow.pyfunc.load_model(str(find_model(Path(os.environ["AZUREML_MODEL_DIR"]))))
    _collectors.update(_make_collectors())


def run(raw: str) -> Any:
    """Answer a request.

    Args:
        raw: The request's body.

    Returns:
        The predictions, or a response with status 400, or 413 if the request is too long.
    """
    try:
        table, params = read_request(raw)
    except TooLargeError as error:
        return _refuse(str(error), 413)
    except ValueError as error:
        return _refuse(str(error))
    try:
        found = _model.predict(table, params=params)
    except MlflowException as error:
        if error.get_http_status_code() != 400:
            raise
        return _refuse(str(error.message))
    _collect(table, found, params)
    return {"predictions": json.loads(found.to_json(orient="records"))}


def find_model(folder: Path) -> Path:
    """Find the model below the folder that Azure ML mounts; its name there is that of the logged artifact.

    Raises:
        FileNotFoundError: If there is none.
    """
    # Mounts may be links, which rglob does not follow and MLflow refuses.
    for place, _, files in os.walk(folder, followlinks=True):
        if "MLmodel" in files:
            return Path(place).resolve()
    raise FileNotFoundError(f"no MLmodel below {folder}: the deployment's model must be in MLflow's format")


def read_request(raw: str) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """Read the rows and parameters of a request.

    Raises:
        TooLargeError: If it is longer than is read.
        ValueError: If it is no JSON, or not of the form above.
    """
    if len(raw) > MOST_CHARACTERS:
        raise TooLargeError(f"the request has {len(raw)} characters, more than {MOST_CHARACTERS}: ask in parts")
    try:
        body = json.loads(raw)
    except RecursionError as error:
        raise ValueError(f"the request is nested more than {MOST_DEPTH} levels deep") from error
    _check_depth(body)
    if "\\ud" in raw or "\\uD" in raw:
        _check_text(body)
    if not isinstance(body, dict):
        raise ValueError("the request must be a JSON object")
    params = body.get("params")
    if params is not None and not isinstance(params, dict):
        raise ValueError("params must be a JSON object")
    # A parameter that is null is one that was not given; models would take it for a value.
    given = {name: value for name, value in (params or {}).items() if value is not None}
    return _read_table(body), given or None


def _check_depth(body: Any) -> None:
    """Refuse what is nested so deeply that libraries may run out of stack over it."""
    level = [body]
    for _ in range(MOST_DEPTH):
        lists = (part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list))
        level = [value for values in lists for value in values]
    if any(isinstance(part, dict | list) for part in level):
        raise ValueError(f"the request is nested more than {MOST_DEPTH} levels deep")


def _check_text(body: Any) -> None:
    """Refuse half of a character that JSON writes as two: no text can hold it, and so could no answer."""
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("the request has half of a character that is written as two (\\ud800 to \\udfff)") from error


def _read_table(body: dict[str, Any]) -> pd.DataFrame:
    if "dataframe_records" in body:
        rows = body["dataframe_records"]
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise ValueError("dataframe_records must be a list of JSON objects, at least one")
        return pd.DataFrame(rows)
    if "dataframe_split" in body:
        split = body["dataframe_split"]
        if not isinstance(split, dict) or not {"columns", "data"} <= set(split):
            raise ValueError("dataframe_split needs columns and data")
        columns, rows = split["columns"], split["data"]
        if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
            raise ValueError("the columns of dataframe_split must be a list of names")
        if len(set(columns)) < len(columns):
            raise ValueError("the columns of dataframe_split must differ")
        if (
            not isinstance(rows, list)
            or not rows
            or not all(isinstance(row, list) and len(row) == len(columns) for row in rows)
        ):
            raise ValueError(
                "the data of dataframe_split must be rows with a value for each of the columns, at least one"
            )
        return pd.DataFrame(rows, columns=columns)
    raise ValueError("the request needs dataframe_records or dataframe_split")


def _refuse(message: str, status: int = 400) -> Any:
    """Give an answer with a status and the reason."""
    try:
        from azureml_inference_server_http.api.aml_response import AMLResponse
    except ImportError:
        return {"error": message}
    return AMLResponse({"error": message}, status, json_str=True)


def _make_collectors() -> dict[str, Any]:
    """Make the collectors that feed deploy/monitoring; without the package nothing is collected."""
    try:
        from azureml.ai.monitoring import Collector
    except ImportError:
        return {}
    names = ("model_inputs", "model_outputs")
    return {
        name: Collector(name=name, on_error=lambda error: _logger.info("not collected: %s", error)) for name in names
    }


def _collect(asked: pd.DataFrame, found: pd.DataFrame, params: dict[str, Any] | None) -> None:
    """Keep figures of what was asked and found, neither questions nor photos: whose they are is not known here."""
    if not _collectors:
        return
    measured = _measure(asked, found, params)
    context = _collectors["model_inputs"].collect(measured) if len(measured) else None
    _collectors["model_outputs"].collect(found.drop(columns=_NOT_COLLECTED, errors="ignore"), context)


def _measure(asked: pd.DataFrame, found: pd.DataFrame, params: dict[str, Any] | None) -> pd.DataFrame:
    """Measure what was asked; what goes wrong here is in the log, and loses no answer."""
    measure = getattr(_model.unwrap_python_model(), "measure", None)  # the styles of video have none
    try:
        return pd.DataFrame(measure(asked, found, params) if measure else []).round(_DECIMALS)
    except Exception:
        _logger.exception("what was asked could not be measured")
        return pd.DataFrame()
