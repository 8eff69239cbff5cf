"""Dimensions of a space are what they say, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from triptych.tuning.space import Dimension


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "choice"},
        {"kind": "choice", "values": (1,), "low": 0},
        {"kind": "choice", "values": (1,), "high": 0},
        {"kind": "uniform", "low": 1},
        {"kind": "uniform", "high": 1},
        {"kind": "uniform", "low": 2, "high": 1},
        {"kind": "int", "low": 1, "high": 2, "values": (1,)},
        {"kind": "log_uniform", "low": 0, "high": 1},
        {"kind": "log_int", "low": -1, "high": 1},
        {"kind": "int", "low": 0.5, "high": 2},
        {"kind": "log_int", "low": 1, "high": 2.5},
    ],
)
def test_impossible_dimensions_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"kind (choice|uniform|int|log_uniform|log_int)"):
        Dimension(**values)
