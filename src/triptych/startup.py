"""What has to be set before any plugin of Kedro is imported.

Kedro's command line calls `prepare` first of all (entry point group `kedro.init` in
pyproject.toml); `settings.py` calls it again for sessions started from Python.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import re
import sys
import warnings
from pathlib import Path
from typing import TextIO

# Printed at every start by the libraries' own imports; nothing a user of this project can act on.
_NOISE = re.compile(
    r"register_new_resolver\(\) is deprecated"  # kedro.config with omegaconf 2.4
    r"|Add type hints to the `predict` method"  # kedro-mlflow's own model class
)
_show = warnings.showwarning


def prepare() -> None:
    """Switch off usage reports and noise of the libraries, find an OpenMP runtime, and name a node's identity.

    A value already in the environment wins, so `MLFLOW_DISABLE_TELEMETRY=false` is respected.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    # .telemetry holds within the project only: a `kedro run` in the wrong folder would report itself.
    os.environ.setdefault("KEDRO_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # On a node of Azure ML a user-assigned identity has to be named; this is where azure-identity looks for the name.
    if identity := os.environ.get("DEFAULT_IDENTITY_CLIENT_ID"):
        os.environ.setdefault("AZURE_CLIENT_ID", identity)
    ensure_openmp()
    # A filter would not do: MLflow puts its own before all others when it warns.
    warnings.showwarning = _show_unless_noise


def _show_unless_noise(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if not _NOISE.search(str(message)):
        _show(message, category, filename, lineno, file, line)


_NAME = "libomp.dylib" if sys.platform == "darwin" else "libgomp.so.1"


def ensure_openmp() -> None:
    """Load torch's copy of the OpenMP runtime if the system has none; without torch, do nothing.

    To be called before `import lightgbm`. torch itself is not imported.
    """
    try:
        ctypes.CDLL(_NAME, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        spec = importlib.util.find_spec("torch")
        for folder in (spec.submodule_search_locations if spec else None) or []:
            with contextlib.suppress(OSError):
                ctypes.CDLL(str(Path(folder) / "lib" / _NAME), mode=ctypes.RTLD_GLOBAL)
