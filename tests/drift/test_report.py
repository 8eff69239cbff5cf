from __future__ import annotations

import json

import numpy as np
import pytest

from tests.drift.test_comparison import draw
from triptych.drift.comparison import compare_samples
from triptych.drift.params import DriftParams
from triptych.drift.report import DriftError, flatten_drift, judge_drift, plot_drift


def test_the_verdict_names_what_has_drifted() -> None:
    table = compare_samples(draw(0, 200), draw(1, 100, brightness=0.25), DriftParams())
    with pytest.raises(DriftError, match=r"brightness 0\.49\d* before, 0\.2\d* now"):
        judge_drift(table)
    judge_drift(compare_samples(draw(0, 200), draw(1, 100), DriftParams()))


def test_figures_are_numbers_by_name() -> None:
    table = compare_samples(draw(0, 200), draw(1, 100, brightness=0.25), DriftParams())
    metrics = flatten_drift(table, 100)
    assert metrics["drift.requests"] == 100
    assert metrics["drift.measures"] == 1
    assert metrics["drift.brightness.psi"] > 1
    assert json.loads(json.dumps(metrics)) == metrics


def test_the_plot_shows_every_measure_and_marks_drift() -> None:
    reference, requests = draw(0, 200), draw(1, 100, brightness=0.25)
    figure = plot_drift(reference, requests, compare_samples(reference, requests, DriftParams()))
    titles = {note.text for note in figure.layout.annotations}
    assert titles == {"brightness: drift", "characters", "megapixels", "detections", "score", "no_match"}
    assert len(figure.data) == 12
    for bar in figure.data:
        assert sum(bar.y) == pytest.approx(1)


def test_the_plot_is_drawn_where_nothing_is_measured_any_more() -> None:
    reference, requests = draw(0, 50)[["brightness"]], draw(1, 50)[["brightness"]].assign(brightness=np.nan)
    table = compare_samples(reference, requests, DriftParams())
    assert table["is_drift"].tolist() == [True]
    assert not plot_drift(reference, requests, table).data


def test_one_far_value_does_not_hide_the_others_of_the_plot() -> None:
    reference, requests = draw(0, 200), draw(1, 100)
    requests.loc[0, "brightness"] = 1e9
    requests.loc[1, "brightness"] = np.inf
    figure = plot_drift(reference, requests, compare_samples(reference, requests, DriftParams()))
    for bar in figure.data:
        assert sum(bar.y) == pytest.approx(1)
        assert max(bar.y) < 0.9
