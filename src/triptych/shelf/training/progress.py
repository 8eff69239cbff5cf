"""How far the training is, and how long it takes."""

from __future__ import annotations

import logging
import time
from typing import Any

_logger = logging.getLogger(__name__)


class Stopwatch:
    """Adds up the seconds spent inside its `with` blocks.

    Attributes:
        seconds: So far.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._started = 0.0

    def __enter__(self) -> Stopwatch:
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._started


class EpochProgress:
    """Logs how far an epoch is, now and then and not for every step.

    Args:
        epoch: From 1.
        epochs: Of the whole training.
        steps: Of an epoch.
        batch_size: Photos a step.
        every_s: Least seconds between two lines.
    """

    def __init__(self, epoch: int, epochs: int, steps: int, batch_size: int, every_s: float) -> None:
        self._place = f"Epoch {epoch} of {epochs}"
        self._steps, self._steps_after = steps, (epochs - epoch) * steps
        self._batch_size, self._every_s = batch_size, every_s
        self._started = self._logged = time.perf_counter()

    def report(self, done: int) -> None:
        """Log a line if it is time.

        Args:
            done: Steps of this epoch that are complete.
        """
        now = time.perf_counter()
        if done >= self._steps or now - self._logged < self._every_s:
            return
        self._logged = now
        pace_s = (now - self._started) / done
        left = self._steps - done
        _logger.info(
            "%s: step %d of %d; %.1f images/s, %s left in this epoch, %s in all",
            self._place,
            done,
            self._steps,
            self._batch_size / pace_s,
            _show_time(left * pace_s),
            _show_time((left + self._steps_after) * pace_s),
        )


def _show_time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def log_epoch(row: dict[str, Any], epochs: int, spent_s: float) -> None:
    """Log a line about an epoch.

    Args:
        row: Of the log.
        epochs: Of the whole training.
        spent_s: Since the start.
    """
    done = row["epoch"]
    shown = [f"loss {row['loss']:.3f}"]
    for name, label in (("validation_loss", "validation loss"), ("box.map_50", "box AP50"), ("box.map", "box AP")):
        if row.get(name) is not None:
            shown.append(f"{label} {row[name]:.3f}")
    if row.get("mask.map_50") is not None:
        shown.append(f"mask AP50 {row['mask.map_50']:.3f}")
    left = spent_s / done * (epochs - done)
    _logger.info(
        "Epoch %d of %d: %s; %.1f images/s, %s left",
        done,
        epochs,
        ", ".join(shown),
        row["images_per_s"],
        _show_time(left),
    )
