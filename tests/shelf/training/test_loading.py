from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch

from triptych.shelf.training.loading import choose_workers, load_batches


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
    monkeypatch.setattr("triptych.shelf.training.loading.count_cores", lambda: 16)
    cpu, gpu = torch.device("cpu"), torch.device("cuda", 0)
    assert [choose_workers(-1, cpu), choose_workers(-1, gpu), choose_workers(3, cpu)] == [0, 8, 3]
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    assert choose_workers(-1, gpu) == 1
