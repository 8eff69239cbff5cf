"""Small models, and a command line in an empty folder that nothing may be left in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from tests.faq.conftest import features, matcher
from tests.shelf.tiny import write_model
from tests.video.conftest import clip
from triptych.faq.matcher import FaqMatcher

__all__ = ["clip", "features", "matcher"]

Call = Callable[..., Result]


@pytest.fixture(scope="session")
def matcher_folder(matcher: FaqMatcher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("matcher")
    matcher.save(folder)
    return folder


@pytest.fixture(scope="session")
def detector_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("detector") / "tiny")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in an empty folder, which has to stay empty."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def call(elsewhere: Path) -> Call:
    """Return a function that calls a command from an empty folder: `call(ask, "question", code=1)`."""

    def run(command: click.Command, *words: Any, code: int = 0, **options: Any) -> Result:
        result = CliRunner().invoke(command, [str(word) for word in words], **options)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return run


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """Put back what a command sets for its own process."""
    logger = logging.getLogger("triptych")
    level = logger.level
    yield
    logger.setLevel(level)
