from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from tests.shelf.tiny import write_model
from triptych.shelf.data.dataset import PhotoSet
from triptych.shelf.model.detector import build_detector
from triptych.shelf.params import DetectorParams, TrainingParams
from triptych.shelf.preparation.fitting import cluster_anchors, fit_detector, overlap_shapes

OPEN = DetectorParams()
TRAINING = TrainingParams(object_px=40.0, budget_mpx=2000.0, epochs=40)


def lay_out(boxes: list[tuple[float, float]], size: tuple[int, int] = (1000, 1500)) -> PhotoSet:
    """Describe photos of a height and width with an object each, of a width and height."""
    images = [{"id": number, "height": size[0], "width": size[1], "file_name": "x"} for number in range(len(boxes))]
    objects: list[list[dict[str, Any]]] = [[{"bbox": [0.0, 0.0, *box]}] for box in boxes]
    return PhotoSet(Path("photos"), images, objects, {1: 1})


def test_half_of_the_objects_are_large_enough_and_no_larger_than_that_needs() -> None:
    sides = [50.0, 90.0, 100.0, 160.0, 400.0]
    fitted, report = fit_detector(OPEN, TRAINING, lay_out([(side, side) for side in sides]))
    assert fitted.min_size_px == 416  # 40 px of 100 need 400
    assert fitted.max_size_px == 736
    assert report["median_object_px"] == pytest.approx(41.6, abs=0.1)
    assert report["fitted"]["min_size_px"] == 416


def test_explicit_settings_stay() -> None:
    named = {"min_size_px": 320, "max_size_px": 320, "anchor_sizes": ((24,),), "aspect_ratios": (0.7, 3.0)}
    fitted, report = fit_detector(DetectorParams.read(named), TRAINING, lay_out([(30, 30)]))
    assert {name: getattr(fitted, name) for name in named} == named
    assert report["fitted"] == {}
    half, _ = fit_detector(DetectorParams(aspect_ratios=(0.7, 3.0), max_size_px=200), TRAINING, lay_out([(30, 30)]))
    assert (half.aspect_ratios, half.min_size_px, half.max_size_px) == ((0.7, 3.0), 200, 200)


def test_photos_are_not_enlarged_nor_made_tiny() -> None:
    assert fit_detector(OPEN, TRAINING, lay_out([(9, 9)], (300, 400)))[0].min_size_px == 320
    assert fit_detector(OPEN, TRAINING, lay_out([(900, 900)]))[0].min_size_px == 128


def test_the_budget_limits_the_size_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    photos = lay_out([(20, 20)] * 50, (2000, 2000))
    with caplog.at_level(logging.WARNING):
        fitted, _ = fit_detector(OPEN, TRAINING.replace(budget_mpx=100.0, epochs=20), photos)
    assert fitted.min_size_px == 288  # 50 photos, 20 times, 0.1 megapixels each
    assert "to 288 px and not to 4000, as shelf.training.budget_mpx (100) allows no more in 20 epochs" in caplog.text


def test_a_step_of_huge_photos_fits_into_memory(caplog: pytest.LogCaptureFixture) -> None:
    photos = lay_out([(60, 60)] * 3, (8300, 12000))
    with caplog.at_level(logging.WARNING):
        fitted, _ = fit_detector(OPEN, TRAINING.replace(batch_size=2), photos)
    assert fitted.min_size_px == 2016  # 2 photos of 2016 x 2915
    assert "to 2016 px and not to 5536, as 2 of them at once would take too much memory" in caplog.text


def test_flat_strips_have_anchors_and_equal_shapes_one() -> None:
    flat, report = fit_detector(OPEN, TRAINING, lay_out([(3000, 8), (3500, 9), (2900, 6)], (3000, 4000)))
    assert 0.002 < min(flat.aspect_ratios) <= max(flat.aspect_ratios) < 0.0028
    assert report["anchor_overlap"] > 0.6
    same, _ = fit_detector(OPEN, TRAINING, lay_out([(100, 200)] * 4))
    assert same.aspect_ratios == (2.0,)


def test_anchors_are_those_that_made_the_boxes() -> None:
    rng = np.random.default_rng(0)
    level, ratio = rng.integers(1, 4, 300), rng.choice([0.4, 1.0, 2.6], 300)
    size = 20.0 * 2**level * rng.lognormal(0, 0.05, 300)
    boxes = np.stack([size / np.sqrt(ratio), size * np.sqrt(ratio)], axis=1)
    base, ratios = cluster_anchors(boxes, 3)
    assert base == pytest.approx(20, rel=0.05)
    np.testing.assert_allclose(ratios, [0.4, 1.0, 2.6], rtol=0.05)


def test_overlaps_are_torchvisions() -> None:
    rng = np.random.default_rng(1)
    boxes, anchors = rng.uniform(5, 90, (20, 2)), rng.uniform(5, 90, (15, 2))
    centred = [torch.from_numpy(np.concatenate([-shape / 2, shape / 2], axis=1)) for shape in (boxes, anchors)]
    np.testing.assert_allclose(overlap_shapes(boxes, anchors), box_iou(*centred).numpy())


def test_weights_keep_the_anchors_that_they_know(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    fitted, _ = fit_detector(OPEN.replace(weights=str(folder)), TRAINING, lay_out([(20, 200)]))
    assert fitted.aspect_ratios == (0.5, 1.0, 2.0)
    assert fitted.anchor_sizes == ((16,), (32,), (64,), (128,), (256,))
    published, _ = fit_detector(OPEN.replace(weights="COCO_V1"), TRAINING, lay_out([(20, 200)]))
    assert published.anchor_sizes == ((32,), (64,), (128,), (256,), (512,))
    backbone, _ = fit_detector(OPEN.replace(weights="IMAGENET"), TRAINING, lay_out([(20, 200)]))
    assert backbone.aspect_ratios != (0.5, 1.0, 2.0)


def test_what_is_left_to_the_data_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="are left to the data"):
        build_detector(OPEN, 1, masks=False)


@pytest.mark.parametrize("size", [1, 31, -5])
def test_sizes_are_nothing_or_large_enough(size: int) -> None:
    with pytest.raises(ValueError, match="min_size_px"):
        DetectorParams.read({"min_size_px": size})
