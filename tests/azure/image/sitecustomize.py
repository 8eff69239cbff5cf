"""Hides the project, as Python runs this at its start: on Azure ML's nodes it is a snapshot, and nothing installed."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HIDDEN = "triptych"
_discover = importlib.metadata.Distribution.discover


def _discover_others(**options: Any) -> Iterator[importlib.metadata.Distribution]:
    for found in _discover(**options):
        if not Path(str(getattr(found, "_path", ""))).name.startswith(f"{HIDDEN}-"):
            yield found


sys.path[:] = [path for path in sys.path if not (Path(path) / HIDDEN).is_dir()]
importlib.metadata.Distribution.discover = staticmethod(_discover_others)  # type: ignore[method-assign]
