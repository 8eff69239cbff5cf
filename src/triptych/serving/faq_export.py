"""Write a matcher in MLflow's format: a folder that serves without this project installed."""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import triptych

if TYPE_CHECKING:
    import pandas as pd

    from triptych.pipelines.faq.matcher import FaqMatcher

# What matching imports, pinned to what is installed where the model is saved.
DISTRIBUTIONS = (
    "joblib",
    "lightgbm",
    "mlflow",
    "numpy",
    "pandas",
    "pyarrow",
    "PyStemmer",
    "scikit-learn",
    "scipy",
    "selectolax",
    "tqdm",
)


def save_faq_model(matcher: FaqMatcher, example: pd.DataFrame, folder: Path) -> None:
    """Save a matcher as an MLflow model.

    The folder holds the matcher's plain files, this package's source and the versions it needs.

    Args:
        matcher: The FAQ.
        example: A few questions, columns `title`, `body`.
        folder: Where to; must not exist.
    """
    import mlflow.pyfunc

    from triptych.serving.faq_model import DEFAULT_TOP_K, MATCHER

    with tempfile.TemporaryDirectory(prefix="triptych-matcher-") as part:
        # MLflow keeps the folder's name.
        files = Path(part) / MATCHER
        files.mkdir()
        matcher.save(files)
        mlflow.pyfunc.save_model(
            folder,
            python_model=str(Path(__file__).with_name("faq_entry.py")),
            artifacts={MATCHER: str(files)},
            code_paths=[str(_copy_source(Path(part) / "source"))],
            pip_requirements=[f"{name}=={version(name)}" for name in DISTRIBUTIONS],
            signature=_signature(DEFAULT_TOP_K),
            input_example=(example, {"top_k": DEFAULT_TOP_K}),
        )


def _copy_source(folder: Path) -> Path:
    """Copy this package's Python files into a new folder; none is left empty.

    An upload without a body is refused by some servers and proxies, with "Invalid HTTP request".
    """
    package = Path(triptych.__file__).parent
    for path in package.rglob("*.py"):
        copy = folder / package.name / path.relative_to(package)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes() or b"\n")
    return folder / package.name


def _signature(top_k: int) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

    asked = [("long", "question_id"), ("string", "title"), ("string", "body")]
    given = [
        ("long", "question_id"),
        ("long", "rank"),
        ("long", "original_id"),
        ("double", "score"),
        ("string", "title"),
        ("long", "answer_id"),
        ("string", "answer"),
    ]
    return ModelSignature(
        inputs=Schema([ColSpec(kind, name, required=False) for kind, name in asked]),
        outputs=Schema([ColSpec(kind, name) for kind, name in given]),
        params=ParamSchema([ParamSpec("top_k", DataType.long, top_k)]),
    )
