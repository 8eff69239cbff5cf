"""What all tests share. Those of shelf's and video's libraries run without Kedro too (benchmarks/gpu.sh)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

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
# Modules that look at the same runs and servers, which `pytest -n` gives to one process; other tests go by module. They
# take longest, and come first.
GROUPS = {
    "tests/azure/test_pipelines_on_azure.py": "shared runs",
    "tests/e2e/test_shelf_sample.py": "shared runs",
    "tests/e2e/test_video_sample.py": "shared runs",
    "tests/docs/test_notebooks.py": "shared runs",
    "tests/e2e/test_faq_sample.py": "faq",
    "tests/e2e/test_faq_registration.py": "faq",
    **dict.fromkeys(
        (f"tests/registry/{path.name}" for path in (ROOT / "tests/registry").glob("test_*.py")), "registry"
    ),
    **dict.fromkeys(
        (f"tests/service/pages/{path.name}" for path in (ROOT / "tests/service/pages").glob("test_*.py")), "pages"
    ),
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if mark := MARKS.get(item.path.relative_to(ROOT / "tests").parts[0]):
            item.add_marker(mark)
    order = {path: number for number, path in enumerate(GROUPS)}
    items.sort(key=lambda item: order.get(item.location[0], len(order)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
        """Shares groups of tests, in the order of collection."""

        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            return GROUPS.get(path, path)

    config.option.loadscopereorder = False
    return ByGroup(config, log)


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
