"""What is drawn before the training is what it learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.shelf.lessons import DETECTOR, TRAINING, paint_objects
from tests.shelf.tiny import write_data
from triptych import distributed
from triptych.shelf.preparation.batch_picture import draw_batch, draw_first_batches
from triptych.shelf.preparation.batches import TrainingBatches
from triptych.shelf.preparation.learning_data import prepare_data
from triptych.shelf.preparation.photo_store import PhotoStore


@pytest.mark.parametrize("masks", ["on", "off"])
def test_marks_lie_on_the_objects_of_the_varied_photo(masks: str, tmp_path: Path) -> None:
    detector = DETECTOR.replace(masks=masks)
    data = prepare_data(*paint_objects(write_data(tmp_path, 9)), detector)
    store = PhotoStore(data.learnt, detector, masks=data.masks, largest_scale=1.2)
    batch = TrainingBatches(store, 3, TRAINING.augmentation, 0)[0]
    for pixels, target, drawn in zip(batch.images, batch.targets, draw_batch(batch, data), strict=True):
        scale = 512 / max(pixels.shape[1:])
        photo = drawn[: round(pixels.shape[1] * scale)]
        marked = np.all(abs(photo.astype(int) - (120, 94, 240)) < 40, axis=-1, keepdims=True)
        for left, top, right, bottom in (target["boxes"].numpy() * scale).round().astype(int):
            inside = photo[top + 12 : bottom - 12, left + 12 : right - 12].reshape(-1, 3).mean(axis=0)
            # Objects are white; a mask tints them.
            assert (inside[2] - inside[0] > 15) == (masks == "on")
            assert marked[max(top - 3, 0) : top + 4, left:right].mean() > 0.2


def test_nine_photos_at_most_and_fewer_where_there_are_no_more(tmp_path: Path) -> None:
    data = write_data(tmp_path, 9)
    few = draw_first_batches(*data, DETECTOR, TRAINING)
    assert few.dtype == np.uint8
    again = draw_first_batches(*data, DETECTOR, TRAINING)
    assert np.array_equal(few, again)
    other = draw_first_batches(*data, DETECTOR, TRAINING.replace(seed=1))
    assert few.shape != other.shape or not np.array_equal(few, other)


def test_nothing_to_learn_is_said(tmp_path: Path) -> None:
    photos, annotations, roles = write_data(tmp_path, 3)
    with pytest.raises(ValueError, match="there is nothing to learn"):
        draw_first_batches(photos, annotations | {"annotations": []}, roles, DETECTOR, TRAINING)


def test_one_of_several_ranks_draws_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node runs on rank 0 only: to wait for the others there would be to wait for ever."""

    def wait(value: object) -> object:
        raise AssertionError("it waits for other ranks")

    for name in ("from_primary", "sum_over_ranks", "gather_over_ranks"):
        monkeypatch.setattr(distributed, name, wait)
    detector = DETECTOR.replace(min_size_px=0, max_size_px=0, anchor_sizes=())
    assert draw_first_batches(*write_data(tmp_path, 3), detector, TRAINING).any()
