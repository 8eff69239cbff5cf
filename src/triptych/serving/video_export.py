"""Write style networks in MLflow's format: a folder that serves without this project installed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from triptych.serving.source_copy import UNPINNED, copy_source, pin

# What painting imports, pinned to what is installed where the model is saved.
DISTRIBUTIONS = ("mlflow", "numpy", "opencv-python-headless", "pandas", "pi-heif", "pillow", "PyYAML", "torch")


def save_video_model(style_model: Path, example: Path, folder: Path) -> None:
    """Save styles as an MLflow model.

    The folder holds the networks, this package's source and the versions it needs.

    Args:
        style_model: The default style; the others are `*.pth` beside it.
        example: A picture.
        folder: Where to; must not exist.

    Raises:
        ValueError: If one of the files is no style.
        OSError: If one cannot be read.
    """
    import mlflow.pyfunc
    import pandas as pd

    from triptych.serving.images import to_text
    from triptych.serving.video_model import PARAMETERS, STYLES

    with tempfile.TemporaryDirectory(prefix="triptych-styles-") as part:
        # MLflow keeps the folder's name.
        files = _collect_styles(style_model, Path(part) / STYLES)
        mlflow.pyfunc.save_model(
            folder,
            python_model=str(Path(__file__).with_name("video_entry.py")),
            artifacts={STYLES: str(files)},
            code_paths=[str(copy_source(Path(part) / "source"))],
            pip_requirements=[*pin(DISTRIBUTIONS), *UNPINNED],
            signature=_signature(),
            input_example=(pd.DataFrame({"image": [to_text(example.read_bytes())]}), PARAMETERS),
        )


def _collect_styles(style_model: Path, folder: Path) -> Path:
    """Copy the networks, and note which is the default; a file with several styles has its first."""
    from triptych.serving.video_model import DEFAULT
    from triptych.video.network.transformer import load_style

    folder.mkdir()
    names = load_style(style_model).names
    for path in sorted({style_model, *style_model.parent.glob("*.pth")}):
        load_style(path)  # what is none would stop the server instead
        shutil.copyfile(path, folder / f"{path.stem}.pth")
    default = f"{style_model.stem}/{names[0]}" if len(names) > 1 else style_model.stem
    (folder / DEFAULT).write_text(default + "\n", encoding="utf-8")
    return folder


def _signature() -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    from triptych.serving.video_model import COLUMNS, PARAMETERS

    kinds = {"int64": DataType.long, "object": DataType.string}
    types = {str: DataType.string, float: DataType.double, bool: DataType.boolean}
    any_type: Any = AnyType()  # type: ignore[no-untyped-call]
    return ModelSignature(
        # Any: text from HTTP, bytes from Python.
        inputs=Schema([ColSpec(any_type, "image")]),
        outputs=Schema([ColSpec(kinds[kind], name) for name, kind in COLUMNS.items()]),
        params=ParamSchema([ParamSpec(name, types[type(value)], value) for name, value in PARAMETERS.items()]),
    )
