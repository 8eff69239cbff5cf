from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from torchvision.models.detection.roi_heads import paste_masks_in_image

from tests.shelf.tiny import draw_photo, write_model
from triptych.shelf.model import prediction
from triptych.shelf.model.files import LoadedDetector, load_model
from triptych.shelf.model.prediction import encode_masks, predict_photos


@pytest.fixture
def detector(tmp_path: Path) -> LoadedDetector:
    loaded = load_model(write_model(tmp_path / "model"))
    loaded.model.roi_heads.score_thresh = 0.0
    return loaded


def photos(*sizes: tuple[int, int]) -> list[tuple[int, np.ndarray]]:
    return [(number + 1, np.asarray(draw_photo(number, size))) for number, size in enumerate(sizes)]


SIZES = [(96, 64), (64, 96), (96, 64), (150, 80), (64, 96), (96, 64), (96, 64), (300, 200)]


def test_a_photo_is_judged_alike_alone_and_in_a_batch(detector: LoadedDetector) -> None:
    together = list(predict_photos(detector, photos(*SIZES), 4, "fp32"))
    for photo, found in zip(photos(*SIZES), together, strict=True):
        (alone,) = predict_photos(detector, [photo], 1, "fp32")
        assert {item["image_id"] for item in found} == {photo[0]}
        assert [item["score"] for item in found] == pytest.approx([item["score"] for item in alone], abs=2e-5)
        np.testing.assert_allclose([item["bbox"] for item in found], [item["bbox"] for item in alone], atol=0.02)


@pytest.mark.parametrize("most_pixels", [1, 10**9])
def test_lanes_change_nothing(detector: LoadedDetector, monkeypatch: pytest.MonkeyPatch, most_pixels: int) -> None:
    """Photos of several sizes come back in their order, each with what is found on it by one thread."""
    expected = list(predict_photos(detector, photos(*SIZES * 3), 2, "fp32"))
    before = torch.get_num_threads()
    monkeypatch.setattr(prediction, "_LANES_PIXELS", most_pixels)
    torch.set_num_threads(3)
    try:
        found = list(predict_photos(detector, photos(*SIZES * 3), 2, "fp32"))
        assert torch.get_num_threads() == 3
        started = predict_photos(detector, photos(*SIZES * 3), 2, "fp32")
        next(started)
        del started
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    for one, other in zip(found, expected, strict=True):
        assert [item["image_id"] for item in one] == [item["image_id"] for item in other]
        assert [item["score"] for item in one] == pytest.approx([item["score"] for item in other], abs=2e-5)


def test_results_are_torchvisions(detector: LoadedDetector) -> None:
    (_, image), *_ = photos((96, 64))
    (own,) = predict_photos(detector, [(1, image)], 1, "fp32")
    with torch.inference_mode():
        (reference,) = detector.model([torch.from_numpy(image.copy()).permute(2, 0, 1) / 255])
    assert len(own) == len(reference["scores"]) > 0
    assert [item["score"] for item in own] == pytest.approx(reference["scores"].tolist(), abs=1e-4)
    for item, box, mask in zip(own, reference["boxes"], reference["masks"], strict=True):
        left, top, width, height = item["bbox"]
        np.testing.assert_allclose([left, top, left + width, top + height], box, atol=0.02)
        decoded = coco_mask.decode({**item["segmentation"], "counts": item["segmentation"]["counts"].encode()})
        assert np.mean(decoded == (mask[0] > 0.5).numpy()) > 0.995


def test_results_are_plain_values_of_the_original_photo(detector: LoadedDetector) -> None:
    (found,) = predict_photos(detector, photos((300, 200)), 1)
    for item in found:
        assert set(item) == {"image_id", "category_id", "bbox", "score", "segmentation"}
        assert item["segmentation"]["size"] == [200, 300]
        assert isinstance(item["segmentation"]["counts"], str)
        left, top, width, height = item["bbox"]
        assert left + width <= 300.01
        assert top + height <= 200.01
        assert item["category_id"] == 1
    assert [item["score"] for item in found] == sorted((item["score"] for item in found), reverse=True)


def test_photos_are_taken_as_they_are_needed(detector: LoadedDetector) -> None:
    taken = []

    def stream() -> object:
        for photo in photos(*[(96, 64)] * 20):
            taken.append(photo[0])
            yield photo

    results = predict_photos(detector, stream(), 1)  # type: ignore[arg-type]
    next(results)
    assert len(taken) < 20
    assert len(list(results)) == 19


def test_nothing_found_and_no_photos(detector: LoadedDetector) -> None:
    detector.model.roi_heads.score_thresh = 1.0
    assert list(predict_photos(detector, photos((96, 64)), 2)) == [[]]
    assert list(predict_photos(detector, [], 2)) == []


def test_a_detector_of_boxes_gives_no_masks(tmp_path: Path) -> None:
    detector = load_model(write_model(tmp_path / "boxes", masks=False))
    detector.model.roi_heads.score_thresh = 0.0
    (found,) = predict_photos(replace(detector, masks=False), [(1, torch.zeros(64, 96, 3, dtype=torch.uint8))], 2)
    assert all("segmentation" not in item for item in found)


@given(
    st.lists(
        st.tuples(st.floats(-5, 60), st.floats(-5, 40), st.floats(0.1, 40), st.floats(0.1, 30)), min_size=1, max_size=4
    ),
    st.integers(0, 99),
)
def test_masks_are_pasted_as_torchvision_does(boxes: list[tuple[float, ...]], seed: int) -> None:
    corners = np.array([[x, y, x + width, y + height] for x, y, width, height in boxes])
    corners[:, [0, 2]] = corners[:, [0, 2]].clip(0, 60)
    corners[:, [1, 3]] = corners[:, [1, 3]].clip(0, 40)
    # Smooth, so that rounding decides about few pixels.
    noise = torch.rand(len(boxes), 1, 4, 4, generator=torch.Generator().manual_seed(seed))
    masks = torch.nn.functional.interpolate(noise, size=(14, 14), mode="bilinear")
    expected = paste_masks_in_image(masks, torch.from_numpy(corners), (40, 60))[:, 0] > 0.5
    for runs, mask in zip(encode_masks(masks[:, 0].numpy(), corners, 40, 60), expected.numpy(), strict=True):
        assert np.sum(coco_mask.decode(runs) != mask) <= 3
