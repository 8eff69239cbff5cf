"""Clips of the torture set, made once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.video import clips
from tests.video.trips import ClipMaker


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> ClipMaker:
    """Return a function that gives the path of a clip, by its file name."""
    folder = tmp_path_factory.mktemp("clips")

    def make(name: str) -> Path:
        path = folder / name
        if not path.exists():
            clips.MAKERS[name](path)
        return path

    return make
