"""What all tests share. Those of shelf's and video's libraries run without Kedro too (benchmarks/gpu.sh)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytest_plugins = ["tests.kedro_project"] if find_spec("kedro") else []


@pytest.fixture
def shared_data() -> Path:
    """Return the folder of real data beside the project, or skip."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    return folder
