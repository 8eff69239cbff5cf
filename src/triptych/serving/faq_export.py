"""Write a matcher in MLflow's format: a folder that serves without this project installed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.drift import DRIFT_REFERENCE
from triptych.serving.source_copy import UNPINNED, copy_source, pin

if TYPE_CHECKING:
    import pandas as pd

    from triptych.faq.matcher import FaqMatcher

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


def save_faq_model(matcher: FaqMatcher, example: pd.DataFrame, folder: Path, drift_reference: pd.DataFrame) -> None:
    """Save a matcher as an MLflow model.

    The folder holds the matcher's plain files, this package's source and the versions it needs.

    Args:
        matcher: The FAQ.
        example: A few questions, columns `title`, `body`.
        folder: Where to; must not exist.
        drift_reference: Measures of the data's questions, with which what is asked can be compared.
    """
    import mlflow.pyfunc

    from triptych.serving.faq_model import DEFAULT_TEXT_FORMAT, DEFAULT_TOP_K, MATCHER

    with tempfile.TemporaryDirectory(prefix="triptych-matcher-") as part:
        # MLflow keeps the folder's name.
        files = Path(part) / MATCHER
        files.mkdir()
        matcher.save(files, with_texts=False)
        reference = Path(part) / DRIFT_REFERENCE
        drift_reference.to_parquet(reference)
        mlflow.pyfunc.save_model(
            folder,
            python_model=str(Path(__file__).with_name("faq_entry.py")),
            artifacts={MATCHER: str(files), DRIFT_REFERENCE: str(reference)},
            code_paths=[str(copy_source(Path(part) / "source"))],
            pip_requirements=[*pin(list_distributions(matcher)), *UNPINNED],
            signature=_signature(DEFAULT_TOP_K, DEFAULT_TEXT_FORMAT, "long" if matcher.names.empty else "string"),
            input_example=(example, {"top_k": DEFAULT_TOP_K, "text_format": DEFAULT_TEXT_FORMAT}),
        )


def list_distributions(matcher: FaqMatcher) -> list[str]:
    """List what matching imports: an encoder brings its own."""
    encoder = matcher.index.encoder
    return [*DISTRIBUTIONS, *(encoder.distributions if encoder else ())]


def _signature(top_k: int, text_format: str, ids: str = "long") -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    # As it was asked: a number, or a ticket's text.
    anything: Callable[[], Any] = AnyType  # MLflow does not type it
    question = ColSpec(anything(), "question_id", required=False)
    asked = [("string", "title"), ("string", "body")]
    given = [
        ("long", "rank"),
        (ids, "original_id"),
        ("double", "score"),
        ("double", "probability"),
        ("string", "verdict"),
        ("string", "title"),
        (ids, "answer_id"),
        ("string", "answer"),
    ]
    return ModelSignature(
        inputs=Schema([question, *(ColSpec(kind, name, required=False) for kind, name in asked)]),
        outputs=Schema([question, *(ColSpec(kind, name) for kind, name in given)]),
        params=ParamSchema(
            [ParamSpec("top_k", DataType.long, top_k), ParamSpec("text_format", DataType.string, text_format)]
        ),
    )
