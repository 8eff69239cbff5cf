"""What all tests share. Those of shelf's and video's libraries run without Kedro too (benchmarks/gpu.sh)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

from tests.preloaded.scripts import PreloadedScripts, preloaded_scripts

ROOT = Path(__file__).parents[1]
# Read when OpenMP loads. The arrays of tests are too small to share, and other tests have the other cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
pytest_plugins = ["tests.kedro_project", "tests.bench", "tests.shared_runs"] if find_spec("kedro") else []


# How long an example takes says nothing of what is tested where other tests have the other core.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

# What a folder's name says of all its tests.
MARKS = {"azure": pytest.mark.azure, "e2e": pytest.mark.slow}
# Runs that several modules look at, by the group of tests that `pytest -n` gives to one process; other tests go by
# their module. Long groups come first.
GROUPS = {
    "azure_runs": "azure",
    "shelf_on_two_ranks": "azure",
    "shelf_run": "azure",
    "clips_run": "azure",
    "sample_run": "faq",
    "repeated_run": "repeated",
    "video_run": "video",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if mark := MARKS.get(item.path.relative_to(ROOT / "tests").parts[0]):
            item.add_marker(mark)
    order = list(GROUPS.values())
    items.sort(key=lambda item: order.index(group) if (group := _find_group(item)) in order else len(order))
    if config.pluginmanager.has_plugin("xdist"):
        for item in items:
            item.add_marker(pytest.mark.xdist_group(_find_group(item)))


def _find_group(item: pytest.Item) -> str:
    asked = getattr(item, "fixturenames", ())
    other = "registry" if item.location[0].startswith("tests/registry/") else item.location[0]  # which have a server
    return next((group for run, group in GROUPS.items() if run in asked), other)


def pytest_configure(config: pytest.Config) -> None:
    # `pytest -n 2` shares by group, in the order of collection.
    if config.getoption("dist", None) == "load":
        config.option.dist, config.option.loadscopereorder = "loadgroup", False
    if hasattr(config, "workerinput"):  # one of the two, which read the command line again
        config.option.loadgroup = True


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
