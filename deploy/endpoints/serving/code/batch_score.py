"""What a batch deployment runs: a model in MLflow's format, over the files of a folder.

A table (.csv, .parquet) is given to the model as it is; anything else is a photo. What was found comes back as rows,
each with the name of its file; a file that cannot be used is a row with the reason, and the others go on.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import pandas as pd
from mlflow.exceptions import MlflowException
from score import find_model

_model: Any = None


def init() -> None:
    """Load the model; called once a process."""
    global _model
    _model = mlflow.pyfunc.load_model(str(find_model(Path(os.environ["AZUREML_MODEL_DIR"]))))


def run(mini_batch: Sequence[str]) -> pd.DataFrame:
    """Score some files.

    Args:
        mini_batch: Their paths.

    Returns:
        The rows of all, with the columns `file` and `error` (empty where there was none) in front.
    """
    return pd.concat([_score(Path(path)) for path in mini_batch], ignore_index=True)


def _score(path: Path) -> pd.DataFrame:
    error = ""
    try:
        found = _model.predict(_read(path))
    except (MlflowException, ValueError, OSError) as problem:
        found, error = pd.DataFrame(index=[0]), str(problem)
    found.insert(0, "file", path.name)
    found.insert(1, "error", error)
    return found


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path)
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.DataFrame({"image": [path.read_bytes()]})
