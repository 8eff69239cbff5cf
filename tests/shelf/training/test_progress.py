from __future__ import annotations

import time

import pytest

from triptych.shelf.training.progress import Stopwatch, log_epoch


def test_a_stopwatch_adds_up_what_is_inside_its_blocks() -> None:
    watch = Stopwatch()
    for _ in range(2):
        with watch:
            time.sleep(0.02)
        time.sleep(0.05)
    assert 0.04 <= watch.seconds < 0.09


@pytest.mark.parametrize(("spent", "left"), [(20.0, "80 s left"), (100.0, "6.7 min left")])
def test_an_epoch_is_a_line_with_the_time_that_is_left(
    spent: float, left: str, caplog: pytest.LogCaptureFixture
) -> None:
    row = {"epoch": 2, "loss": 0.5, "images_per_s": 12.34, "box.map_50": 0.9, "box.map": 0.6}
    with caplog.at_level("INFO"):
        log_epoch(row, 10, spent)
    assert caplog.messages == [f"Epoch 2 of 10: loss 0.500, box AP50 0.900, box AP 0.600; 12.3 images/s, {left}"]
