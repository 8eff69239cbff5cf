from __future__ import annotations

import time

import pytest

from triptych.shelf.training.progress import EpochProgress, Stopwatch, log_epoch


def test_a_stopwatch_adds_up_what_is_inside_its_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1.0, 1.5, 7.0, 7.25])  # of entering and leaving; a sleeping test would measure the machine's load
    monkeypatch.setattr(time, "perf_counter", lambda: next(times))
    watch = Stopwatch(2.0)
    for _ in range(2):
        with watch:
            pass
    assert watch.seconds == 2.75


@pytest.mark.parametrize(("spent", "left"), [(20.0, "80 s left"), (100.0, "6.7 min left")])
def test_an_epoch_is_a_line_with_the_time_that_is_left(
    spent: float, left: str, caplog: pytest.LogCaptureFixture
) -> None:
    row = {"epoch": 2, "loss": 0.5, "images_per_s": 12.34, "box.map_50": 0.9, "box.map": 0.6}
    with caplog.at_level("INFO"):
        log_epoch(row, 10, spent)
    assert caplog.messages == [f"Epoch 2 of 10: loss 0.500, box AP50 0.900, box AP 0.600; 12.3 images/s, {left}"]


def test_within_an_epoch_a_line_now_and_then(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 5))  # a step takes 5 s
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    progress = EpochProgress(2, 10, 40, 8, 30)
    with caplog.at_level("INFO"):
        for done in range(1, 41):
            progress.report(done)
    assert caplog.messages[:2] == [
        "Epoch 2 of 10: step 6 of 40; 1.6 images/s, 2.8 min left in this epoch, 29.5 min in all",
        "Epoch 2 of 10: step 12 of 40; 1.6 images/s, 2.3 min left in this epoch, 29.0 min in all",
    ]
    assert len(caplog.messages) == 6  # the end of the epoch has its own line


def test_a_quick_epoch_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    progress = EpochProgress(1, 1, 3, 4, 60)
    with caplog.at_level("INFO"):
        for done in (1, 2, 3):
            progress.report(done)
    assert caplog.messages == []
