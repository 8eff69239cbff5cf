"""What a batch deployment runs: a model in MLflow's format, over the files of a folder.

A table (.csv, .parquet) is given to the model as it is; anything else is a photo. What was found goes to tables in the
output folder of the job, one a mini-batch, with `file` (its place in the input folder) and `error` as first columns.
Every file has a row: one in which nothing was found an empty one, one that cannot be used one with the reason; the
others go on.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when MLflow is imported
os.environ.setdefault("TRIPTYCH_UNLIMITED", "1")  # read by the model: a table of any length, for which nobody waits

import mlflow.pyfunc
import pandas as pd
from mlflow.exceptions import MlflowException
from score import find_model

_model: Any = None


def init() -> None:
    """Load the model; called once a process."""
    global _model
    _model = mlflow.pyfunc.load_model(str(find_model(Path(os.environ["AZUREML_MODEL_DIR"]))))


def run(mini_batch: Sequence[str]) -> list[str]:
    """Score some files, and write what was found.

    Args:
        mini_batch: Their paths.

    Returns:
        Their places in the input folder; Azure ML counts them as done.
    """
    paths = [Path(path) for path in mini_batch]
    found = pd.concat([_score(path) for path in paths], ignore_index=True)
    _write(found, [_locate(path) or path.as_posix() for path in paths])
    return [_locate(path) or path.name for path in paths]


def _locate(path: Path) -> str:
    """Give a file's place in the input folder: two folders may have files of the same name. Elsewhere: nothing.

    Azure ML mounts the folder as `.../cr/j/ID/cap/data-capability/wd/INPUT_NAME`; what is above may differ by node.
    """
    parts = path.parts
    start = parts.index("data-capability") + 3 if "data-capability" in parts else len(parts)
    return "/".join(parts[start:])


def _write(found: pd.DataFrame, files: Sequence[str]) -> None:
    """Write a table under a name that a second attempt at the same files has too, and no other files have."""
    folder = Path(os.environ["AZUREML_BI_OUTPUT_PATH"])
    name = hashlib.sha256("\0".join(files).encode()).hexdigest()[:16]
    part = folder / f".{name}.part"
    found.to_csv(part, index=False)
    part.replace(folder / f"{name}.csv")


def _score(path: Path) -> pd.DataFrame:
    error = ""
    try:
        found = _model.predict(_read(path))
    except (MlflowException, ValueError, OSError) as problem:
        found, error = pd.DataFrame(index=[0]), str(problem)
    if found.empty:
        found = found.reindex([0])  # a file in which nothing was found is not one that was never looked at
    found.insert(0, "file", _locate(path) or path.name)
    found.insert(1, "error", error)
    return found


def _read(path: Path) -> pd.DataFrame:
    kind = path.suffix.lower()
    if kind == ".csv":
        return pd.read_csv(path)
    if kind == ".parquet":
        return pd.read_parquet(path)
    return pd.DataFrame({"image": [path.read_bytes()]})
