"""A small matcher, the one of tests/pipelines/faq."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.pipelines.faq.conftest import features, matcher
from triptych.pipelines.faq.matcher import FaqMatcher
from triptych.serving.faq_export import save_faq_model

__all__ = ["features", "matcher"]

EXAMPLE = pd.DataFrame({"title": ["topic3x topic3y"], "body": ["<p>array <code>loop</code></p>"]})


@pytest.fixture(scope="session")
def model_folder(matcher: FaqMatcher, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faq_model") / "model"
    save_faq_model(matcher, EXAMPLE, folder)
    return folder
