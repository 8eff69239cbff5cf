"""The models that the service is loaded with are made as the registry wants them."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.serving.conftest import detector_folder, features, matcher
from triptych.faq.matcher import FaqMatcher

pytest.importorskip("psutil")
__all__ = ["detector_folder", "features", "matcher"]


def test_its_models_are_saved(matcher: FaqMatcher, detector_folder: Path, tmp_path: Path) -> None:
    # By name: its own imports are found only where it is run.
    load = importlib.import_module("benchmarks.service_load")
    load.save_models(matcher, detector_folder, tmp_path)
    assert [(tmp_path / workload / "MLmodel").is_file() for workload in ("faq", "shelf")] == [True, True]
