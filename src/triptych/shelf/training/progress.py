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
        f"{left / 60:.1f} min" if left >= 90 else f"{left:.0f} s",
    )
