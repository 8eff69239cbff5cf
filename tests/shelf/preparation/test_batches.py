from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.shelf.tiny import PARAMS, write_data
from triptych.shelf.data.dataset import PhotoSet
from triptych.shelf.params import AugmentationParams
from triptych.shelf.preparation.batches import PlainBatches, TrainingBatches, choose_workers, load_batches
from triptych.shelf.preparation.photo_store import PhotoStore


class Sizes:
    """Stands for a store: photos of two shapes."""

    def __init__(self, upright: list[bool]) -> None:
        self.upright = upright

    def __len__(self) -> int:
        return len(self.upright)

    def target(self, index: int) -> tuple[int, int]:
        return (96, 64) if self.upright[index] else (64, 96)


@pytest.fixture
def store(tmp_path: Path) -> PhotoStore:
    folder, annotations, _ = write_data(tmp_path, 7)
    return PhotoStore(PhotoSet.select(folder, annotations, range(1, 8)), PARAMS, masks=True, space=10 * 2**20)


def make_batches(store: PhotoStore, seed: int = 0) -> TrainingBatches:
    return TrainingBatches(store, 4, AugmentationParams(), seed)


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(1, 9), st.integers(0, 3))
def test_an_epoch_has_every_photo_in_full_batches_of_one_shape(upright: list[bool], size: int, epoch: int) -> None:
    batches = TrainingBatches(Sizes(upright), size, AugmentationParams(), 0)  # type: ignore[arg-type]
    order = batches.order(epoch)
    assert len(order) == batches.steps
    assert all(len(batch) == size for batch in order)
    everything = [index for batch in order for index in batch]
    assert set(everything) == set(range(len(upright)))
    mixed = sum(len({upright[index] for index in batch}) == 2 for batch in order)
    assert mixed <= 2  # only where what was left over is put together
    assert order == batches.order(epoch)


def test_epochs_differ_in_order_and_variation(store: PhotoStore) -> None:
    batches = make_batches(store)
    assert batches.order(0) != batches.order(1)
    again = make_batches(store, seed=1)
    assert not torch.equal(batches[0].images, again[0].images)


def test_a_step_does_not_depend_on_what_was_loaded_before(store: PhotoStore) -> None:
    forwards = [make_batches(store)[step] for step in range(4)]
    batches = make_batches(store)
    backwards = [batches[step] for step in (3, 2, 1, 0)][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        assert torch.equal(one.images, other.images)
        assert (one.seeds, one.files) == (other.seeds, other.files)


def test_ranks_share_the_batch_of_one_process(store: PhotoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = make_batches(store)[1]
    monkeypatch.setenv("WORLD_SIZE", "2")
    shares = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        shares.append(make_batches(store)[1])
    assert shares[0].files == shares[1].files == whole.files
    for place in range(4):
        share = shares[place % 2]
        assert torch.equal(share.images[place // 2], whole.images[place])
        assert share.seeds[place // 2] == whole.seeds[place]
        assert torch.equal(share.targets[place // 2]["masks"], whole.targets[place]["masks"])


def test_images_are_padded_to_what_the_backbone_divides_by(store: PhotoStore) -> None:
    batch = make_batches(store)[0]
    assert batch.images.shape == (4, 3, 64, 96)
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert batch.images.dtype == torch.uint8


def test_plain_batches_have_every_photo_once(store: PhotoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    names = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        names += [name for batch in PlainBatches(store, 2) for name in batch.files]
    assert sorted(names) == [f"photo_{number:02}.png" for number in range(1, 8)]


class Numbers(torch.utils.data.Dataset):  # type: ignore[type-arg]
    def __getitem__(self, number: int) -> tuple[int, int]:
        enlarge()
        return number, torch.get_num_threads()


def enlarge() -> None:
    """Give OpenCV so much to do that it takes all the threads it may."""
    cv2.resize(np.zeros((800, 800, 3), np.uint8), (1600, 1600), interpolation=cv2.INTER_CUBIC)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("workers", [0, 2])
def test_batches_come_in_order(workers: int) -> None:
    numbers: Any = Numbers()
    cv2.setNumThreads(2)
    enlarge()
    loaded: list[Any] = list(load_batches(numbers, range(3, 9), workers, torch.device("cpu")))
    assert [number for number, _ in loaded] == [3, 4, 5, 6, 7, 8]
    if workers:
        assert {threads for _, threads in loaded} == {1}


def test_a_processor_loads_by_itself_and_a_gpu_has_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.shelf.preparation.batches.count_cores", lambda: 16)
    cpu, gpu = torch.device("cpu"), torch.device("cuda", 0)
    assert [choose_workers(-1, cpu), choose_workers(-1, gpu), choose_workers(3, cpu)] == [0, 8, 3]
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert choose_workers(-1, gpu) == 1
