"""What is compared of a log: requests to the reference's own model, and each of them once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.drift.test_comparison import draw
from triptych.drift.nodes import compare_asked, judge_asked, read_asked
from triptych.drift.params import DriftParams
from triptych.drift.report import DriftError
from triptych.drift.request_log import RequestLog
from triptych.drift.versions import MODEL


def log(folder: Path, rows: pd.DataFrame) -> None:
    requests: list[dict[Any, Any]] = rows.to_dict("records")
    RequestLog(folder).add(requests)


@pytest.mark.parametrize("brightness", [0.5, 0.25])
def test_what_is_asked_a_thousand_times_counts_once(tmp_path: Path, brightness: float) -> None:
    asked = draw(1, 60, brightness)
    log(tmp_path, pd.concat([asked, *[asked.head(1)] * 999]))
    table, metrics, _ = compare_asked(draw(0, 500), read_asked(tmp_path, DriftParams()), DriftParams())
    assert set(table.loc[table["is_drift"], "measure"]) == ({"brightness"} if brightness < 0.5 else set())
    assert metrics["drift.requests"] == 60
    assert metrics["drift.repeats"] == 999


def test_a_model_that_was_replaced_is_no_drift(tmp_path: Path) -> None:
    log(tmp_path, draw(1, 200, brightness=0.1).assign(**{MODEL: 1}))
    log(tmp_path, draw(2, 100).assign(**{MODEL: 2}))
    asked = read_asked(tmp_path, DriftParams())
    table, metrics, _ = compare_asked(draw(0, 500).assign(**{MODEL: 2}), asked, DriftParams())
    assert metrics["drift.requests"] == 100
    assert MODEL not in set(table["measure"])
    judge_asked(table, DriftParams())
    older, _, _ = compare_asked(draw(0, 500).assign(**{MODEL: 1}), asked, DriftParams())
    with pytest.raises(DriftError, match="brightness"):
        judge_asked(older, DriftParams())
    judge_asked(older, DriftParams(fail=False))
