"""Give LightGBM an OpenMP runtime on machines that have none.

LightGBM's wheel links to the system's libgomp (Linux) or libomp (macOS), which slim images lack. torch
brings the same library along, under the same name; once that is loaded, the loader is content with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import sys
from pathlib import Path

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
