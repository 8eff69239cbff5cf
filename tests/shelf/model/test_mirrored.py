from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.shelf.tiny import draw_photo, write_model
from triptych.shelf.model.files import load_model
from triptych.shelf.model.mirrored import fuse_mirrored
from triptych.shelf.model.prediction import predict_photos
from triptych.shelf.params import DetectorParams

PARAMS = DetectorParams(score_threshold=0.05, max_detections=10)
NONE: list[list[float]] = []


def find(boxes: list[list[float]], scores: list[float], labels: list[int] | None = None) -> dict[str, torch.Tensor]:
    masks = torch.zeros(len(boxes), 1, 4, 4)
    masks[..., :1] = 1.0  # the left edge
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "scores": torch.tensor(scores),
        "labels": torch.tensor(labels or [1] * len(boxes)),
        "masks": masks,
    }


def test_what_both_views_find_is_averaged_by_score() -> None:
    # Mirrored at 100 px: 70 to 90 is 10 to 30.
    fused = fuse_mirrored(find([[14, 10, 30, 30]], [0.6]), find([[70, 10, 90, 30]], [0.2]), 100, PARAMS)
    assert fused["boxes"].flatten().tolist() == pytest.approx([13, 10, 30, 30])
    assert fused["scores"].tolist() == pytest.approx([0.4])
    assert fused["masks"][0, 0, 0].tolist() == pytest.approx([0.75, 0, 0, 0.25])


def test_what_one_view_finds_keeps_half_of_its_score() -> None:
    fused = fuse_mirrored(find([[0, 0, 9, 9]], [0.9]), find([[0, 0, 9, 9], [40, 0, 60, 9]], [0.8, 0.06]), 100, PARAMS)
    assert fused["scores"].tolist() == pytest.approx([0.45, 0.4])  # .03 is below the threshold
    assert fused["boxes"].tolist() == [[0, 0, 9, 9], [91, 0, 100, 9]]


def test_other_kinds_are_not_fused() -> None:
    fused = fuse_mirrored(find([[10, 0, 30, 9]], [0.8], [1]), find([[70, 0, 90, 9]], [0.6], [2]), 100, PARAMS)
    assert fused["labels"].tolist() == [1, 2]
    assert fused["scores"].tolist() == pytest.approx([0.4, 0.3])


def test_nothing_in_a_view() -> None:
    assert len(fuse_mirrored(find(NONE, []), find(NONE, []), 100, PARAMS)["boxes"]) == 0
    one = find([[0, 0, 9, 9]], [0.5])
    assert fuse_mirrored(find(NONE, []), one, 100, PARAMS)["scores"].tolist() == [0.25]
    assert fuse_mirrored(one, find(NONE, []), 100, PARAMS)["scores"].tolist() == [0.25]


def test_a_mirrored_photo_gives_the_mirrored_result(tmp_path: Path) -> None:
    loaded = load_model(write_model(tmp_path / "model"))
    loaded.model.roi_heads.score_thresh = 0.0
    detector = replace(loaded, params=loaded.params.replace(flip_test=True, score_threshold=0.0))
    photo = np.asarray(draw_photo(3, (96, 64)))
    mirror = np.ascontiguousarray(photo[:, ::-1])
    found, mirrored = predict_photos(detector, [(1, photo), (2, mirror)], 2, "fp32")
    assert len(found) > 1
    assert [item["score"] for item in found] == pytest.approx([item["score"] for item in mirrored], abs=1e-4)
    first, other = found[0]["bbox"], mirrored[0]["bbox"]
    assert first == pytest.approx([96 - other[0] - other[2], *other[1:]], abs=0.1)
