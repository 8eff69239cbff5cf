"""What makes a saved model stand on its own: this package's source and the versions of what it imports."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import triptych

UNPINNED = ("pydantic>=2.9,<3",)
"""What every model needs, in whichever version is there: mlflow, kedro-azureml and Azure's inference server each want
their own."""


def copy_source(folder: Path) -> Path:
    """Copy this package's Python files into a new folder; none is left empty.

    An upload without a body is refused by some servers and proxies, with "Invalid HTTP request".

    Returns:
        The copied package.
    """
    package = Path(triptych.__file__).parent
    for path in package.rglob("*.py"):
        copy = folder / package.name / path.relative_to(package)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes() or b"\n")
    return folder / package.name


def pin(distributions: Iterable[str]) -> list[str]:
    """Pin distributions to the versions that are installed here.

    Without what a build adds after `+` (torch's `2.9.0+cpu`): no index but the build's own has that.
    """
    return [f"{name}=={version(name).partition('+')[0]}" for name in distributions]
