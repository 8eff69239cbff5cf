"""A small matcher, the one of tests/faq, and a small detector, as MLflow models."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.faq.conftest import features, matcher
from tests.shelf.tiny import draw_photo, write_model
from triptych.faq.matcher import FaqMatcher
from triptych.serving.faq_export import save_faq_model
from triptych.serving.shelf_export import save_shelf_model

__all__ = ["features", "matcher"]

EXAMPLE = pd.DataFrame({"title": ["topic3x topic3y"], "body": ["<p>array <code>loop</code></p>"]})


@pytest.fixture(scope="session")
def model_folder(matcher: FaqMatcher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faq_model") / "model"
    save_faq_model(matcher, EXAMPLE, folder)
    return folder


@pytest.fixture(scope="session")
def detector_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("detector") / "tiny")


@pytest.fixture(scope="session")
def shelf_folder(detector_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shelf_model")
    draw_photo(1).save(folder / "example.png")
    save_shelf_model(detector_folder, folder / "example.png", folder / "model")
    return folder / "model"
