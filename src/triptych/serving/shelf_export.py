"""Write a detector in MLflow's format: a folder that serves without this project installed."""

from __future__ import annotations

import base64
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.drift import DRIFT_REFERENCE
from triptych.serving.source_copy import UNPINNED, copy_source, pin

if TYPE_CHECKING:
    import pandas as pd

# What detecting imports, pinned to what is installed where the model is saved.
DISTRIBUTIONS = (
    "mlflow",
    "numpy",
    "opencv-python-headless",
    "pandas",
    "pi-heif",
    "pillow",
    "pycocotools",
    "PyYAML",
    "torch",
    "torchvision",
)


def save_shelf_model(detector: Path, example: Path, folder: Path, drift_reference: pd.DataFrame) -> None:
    """Save a detector as an MLflow model.

    The folder holds the detector's plain files, this package's source and the versions it needs.

    Args:
        detector: The detector's folder.
        example: A photo.
        folder: Where to; must not exist.
        drift_reference: Measures of the test photos, with which what is asked can be compared.
    """
    import mlflow.pyfunc
    import pandas as pd

    from triptych.serving.shelf_model import DETECTOR

    with tempfile.TemporaryDirectory(prefix="triptych-detector-") as part:
        # MLflow keeps the folder's name.
        files = shutil.copytree(detector, Path(part) / DETECTOR)
        reference = Path(part) / DRIFT_REFERENCE
        drift_reference.to_parquet(reference)
        image = base64.b64encode(example.read_bytes()).decode("ascii")
        mlflow.pyfunc.save_model(
            folder,
            python_model=str(Path(__file__).with_name("shelf_entry.py")),
            artifacts={DETECTOR: str(files), DRIFT_REFERENCE: str(reference)},
            code_paths=[str(copy_source(Path(part) / "source"))],
            pip_requirements=[*pin(DISTRIBUTIONS), *UNPINNED],
            signature=_signature(),
            input_example=(pd.DataFrame({"image": [image]}), {"score_threshold": 0.0}),
        )


def _signature() -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    from triptych.serving.shelf_model import COLUMNS

    kinds = {"int64": DataType.long, "float64": DataType.double, "object": DataType.string}
    any_type: Any = AnyType()  # type: ignore[no-untyped-call]
    return ModelSignature(
        # Any: text from HTTP, bytes from Python.
        inputs=Schema([ColSpec(any_type, "image")]),
        outputs=Schema([ColSpec(kinds[kind], name) for name, kind in COLUMNS.items()]),
        params=ParamSchema([ParamSpec("score_threshold", DataType.double, 0.0)]),
    )
