"""What long runs of several processes have to work with: a plugin of conftest.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.preloaded.scripts import PreloadedScripts


@dataclass(frozen=True)
class Bench:
    """What such a run has to work with."""

    folder: Path
    """Empty, and the run's own."""
    preloaded: PreloadedScripts
    empty_tracking: Path
    """Database of MLflow's without a run."""
    clips: Path
    """Folder of two short videos."""
    few_photos: Path
    """Folder of some photos of shelves with their annotations."""


MakeBench = Callable[[str], Bench]


@pytest.fixture(scope="session")
def make_bench(
    preloaded: PreloadedScripts,
    empty_tracking: Path,
    clips: Path,
    few_photos: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> MakeBench:
    """Return a function that makes a bench for a run of a name."""
    return lambda name: Bench(tmp_path_factory.mktemp(name), preloaded, empty_tracking, clips, few_photos)
