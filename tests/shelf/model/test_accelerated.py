"""OpenVINO finds what PyTorch does, and where it cannot, PyTorch does the work."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.shelf.tiny import draw_photo, write_model
from triptych.openvino_models import has_openvino
from triptych.shelf.evaluation.agreement import compare_detections
from triptych.shelf.model.accelerated import accelerate
from triptych.shelf.model.files import LoadedDetector, load_model
from triptych.shelf.model.prediction import predict_photos
from triptych.shelf.params import ScoringParams
from triptych.shelf.scoring import runtimes
from triptych.shelf.scoring.runtimes import choose_runtime, use_runtime

needs_openvino = pytest.mark.skipif(not has_openvino(), reason="OpenVINO is not installed")
SIZES = [(96, 64), (64, 96), (96, 64), (300, 200), (96, 64)]


@pytest.fixture(params=[True, False], ids=["masks", "boxes"])
def detector(request: pytest.FixtureRequest, tmp_path: Path) -> LoadedDetector:
    return load_model(write_model(tmp_path / "model", masks=request.param))


@needs_openvino
def test_in_32_bits_it_finds_the_same(detector: LoadedDetector) -> None:
    photos = [(number, np.asarray(draw_photo(number, size))) for number, size in enumerate(SIZES)]
    ours, theirs = (
        list(predict_photos(each, photos, 2, "fp32")) for each in (accelerate(detector, 1, half=False), detector)
    )
    assert sum(map(len, theirs)) > 0
    agreement = compare_detections(ours, theirs, 0.0, 0.001)
    assert (agreement.unmatched, agreement.score < 1e-3, agreement.box_px < 0.1, agreement.mask < 0.02) == (
        0,
        *[True] * 3,
    )


@needs_openvino
def test_nothing_found_is_nothing(tmp_path: Path) -> None:
    detector = load_model(write_model(tmp_path / "model"))
    detector.model.roi_heads.score_thresh = 1.0
    assert list(predict_photos(accelerate(detector, 1), [(1, np.asarray(draw_photo(1)))], 2)) == [[]]


def write_photos(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    for number in range(count):
        draw_photo(number).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


def test_what_is_missing_too_little_or_fails_is_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    detector, paths = load_model(write_model(tmp_path / "model")), write_photos(tmp_path / "photos", 3)

    def choose() -> str:
        choice = choose_runtime(detector, paths, ScoringParams(), 1)
        assert choice.runtime == "torch"
        return str(choice.measured["openvino"]["left_out"])

    monkeypatch.setattr(runtimes, "has_openvino", lambda: False)
    assert choose() == "not installed"
    monkeypatch.setattr(runtimes, "has_openvino", lambda: True)
    assert "3 photos are too few" in choose()

    def fail(*_: Any) -> None:
        raise RuntimeError("no such operation")

    monkeypatch.setattr(runtimes, "_LEAST_PHOTOS", 1)
    monkeypatch.setattr(runtimes, "_LEAST_S", 0.0)
    monkeypatch.setattr(runtimes, "accelerate", fail)
    assert choose() == "RuntimeError: no such operation"
    with caplog.at_level(logging.WARNING):
        assert use_runtime(detector, "openvino", 1) is detector
    assert "OpenVINO cannot run the detector here, so PyTorch does: RuntimeError: no such operation" in caplog.text
    assert choose_runtime(detector, paths, ScoringParams(runtime="openvino"), 1).runtime == "openvino"
