"""A small matcher, the one of tests/faq, a small detector and small styles, as MLflow models."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.faq.conftest import features, matcher
from tests.shelf.tiny import draw_photo, write_model
from tests.video.styles import save_style, save_styles
from triptych.faq.matcher import FaqMatcher
from triptych.serving.faq_export import save_faq_model
from triptych.serving.shelf_export import save_shelf_model
from triptych.serving.video_export import save_video_model

__all__ = ["features", "matcher"]

REFERENCE = pd.DataFrame({"characters": [10, 20], "no_match": [True, False]})
EXAMPLE = pd.DataFrame({"title": ["topic3x topic3y"], "body": ["<p>array <code>loop</code></p>"]})


@pytest.fixture(scope="session")
def model_folder(matcher: FaqMatcher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faq_model") / "model"
    save_faq_model(matcher, EXAMPLE, folder, REFERENCE)
    return folder


@pytest.fixture(scope="session")
def detector_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("detector") / "tiny")


@pytest.fixture(scope="session")
def shelf_folder(detector_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shelf_model")
    draw_photo(1).save(folder / "example.png")
    save_shelf_model(detector_folder, folder / "example.png", folder / "model", REFERENCE)
    return folder / "model"


@pytest.fixture(scope="session")
def video_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files of styles, of which the first is the default, and the last has two."""
    folder = tmp_path_factory.mktemp("video_model")
    (folder / "styles").mkdir()
    style = save_style(folder / "styles", 1)
    save_style(folder / "styles", 2)
    save_styles(folder / "styles", 3, ["a", "b"])
    draw_photo(1).save(folder / "example.png")
    save_video_model(style, folder / "example.png", folder / "model")
    return folder / "model"
