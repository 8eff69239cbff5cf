"""What an online deployment runs: a model in MLflow's format, asked with the same JSON as `mlflow models serve`.

{"dataframe_records": [...]} or {"dataframe_split": {...}}, and optionally "params": {...}; the answer is
{"predictions": [...]}, one record a row. Wrong input is answered by status 400.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import pandas as pd
from mlflow.exceptions import MlflowException

_logger = logging.getLogger(__name__)
_model: Any = None
_collectors: dict[str, Any] = {}
# Photos are large, and whose they are is not known here.
_NOT_COLLECTED = ["image"]


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
        The predictions, or a response with status 400.
    """
    try:
        table, params = read_request(raw)
        found = _model.predict(table, params=params)
    except (ValueError, TypeError) as error:
        return _refuse(str(error))
    except MlflowException as error:
        if error.get_http_status_code() != 400:
            raise
        return _refuse(str(error.message))
    _collect(table, found)
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
        ValueError: If it is no JSON, or not of the form above.
    """
    body = json.loads(raw)
    if not isinstance(body, dict):
        raise ValueError("the request must be a JSON object")
    if "dataframe_records" in body:
        table = pd.DataFrame(body["dataframe_records"])
    elif "dataframe_split" in body:
        split = body["dataframe_split"]
        if not isinstance(split, dict) or not {"columns", "data"} <= set(split):
            raise ValueError("dataframe_split needs columns and data")
        table = pd.DataFrame(split["data"], columns=split["columns"])
    else:
        raise ValueError("the request needs dataframe_records or dataframe_split")
    params = body.get("params")
    if params is not None and not isinstance(params, dict):
        raise ValueError("params must be a JSON object")
    return table, params


def _refuse(message: str) -> Any:
    """Give an answer with status 400."""
    try:
        from azureml_inference_server_http.api.aml_response import AMLResponse
    except ImportError:
        return {"error": message}
    return AMLResponse({"error": message}, 400, json_str=True)


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


def _collect(asked: pd.DataFrame, found: pd.DataFrame) -> None:
    if _collectors:
        kept = asked.drop(columns=_NOT_COLLECTED, errors="ignore")
        context = _collectors["model_inputs"].collect(kept) if len(kept.columns) else None
        _collectors["model_outputs"].collect(found, context)
