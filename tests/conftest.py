"""What all tests share. Those of shelf's and video's libraries run without Kedro too (benchmarks/gpu.sh)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.preloaded.scripts import PreloadedScripts, preloaded_scripts

ROOT = Path(__file__).parents[1]
# Read when OpenMP loads. The arrays of tests are too small to share, and the other core has runs in the background.
os.environ.setdefault("OMP_NUM_THREADS", "1")
pytest_plugins = ["tests.kedro_project", "tests.background", "tests.shared_runs"] if find_spec("kedro") else []


# What a folder's name says of all its tests.
MARKS = {"azure": pytest.mark.azure, "e2e": pytest.mark.slow}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if mark := MARKS.get(item.path.relative_to(ROOT / "tests").parts[0]):
            item.add_marker(mark)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no GPU")


@pytest.fixture(params=["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let a test run on the processor and, where there is one, again on the GPU."""
    if request.param == "cpu":
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    return str(request.param)


@pytest.fixture(scope="session")
def preloaded() -> Iterator[PreloadedScripts]:
    """Start what runs scripts in processes of their own without seconds of imports."""
    with preloaded_scripts() as scripts:
        yield scripts


@pytest.fixture
def shared_data() -> Path:
    """Return the folder of real data beside the project, or skip."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    return folder
