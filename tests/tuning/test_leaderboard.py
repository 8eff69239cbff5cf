"""The search as a table and two plots."""

from __future__ import annotations

from tests.tuning.toys import make_trial, search_params
from triptych.tuning.leaderboard import latest, plot_budget_curves, plot_configurations, tabulate_trials
from triptych.tuning.space import Dimension

SPACE = {
    "x": Dimension(kind="uniform", low=0, high=1),
    "flag": Dimension(kind="choice", values=(True, False)),
    "name": Dimension(kind="choice", values=("b", "a")),
}
SEARCH = search_params(space=SPACE)
TRIALS = [
    make_trial(0, 1.0, 2.0, config={"x": 0.1, "flag": True, "name": "b"}),
    make_trial(1, 3.0, config={"x": 0.2, "flag": False, "name": "a"}),
    make_trial(2, None, status="failed", config={"x": 0.3, "flag": True, "name": "a"}),
    make_trial(3, status="unused", config={}),
]


def test_of_each_trial_the_state_that_got_furthest_counts() -> None:
    found = latest((make_trial(1, 1.0), make_trial(0, 1.0), make_trial(0, 1.0, 2.0)))
    assert [(trial.number, len(trial.history)) for trial in found] == [(0, 2), (1, 1)]


def test_the_table_is_sorted_and_ends_with_the_error() -> None:
    table = tabulate_trials(TRIALS, SEARCH)
    first = ["place", "trial", "status", "budget", "best_budget", "seconds", "score", "second"]
    assert list(table) == [*first, "flag", "name", "x", "error"]
    assert table["place"].tolist() == [1, 2, 3, 4]
    assert table["trial"].tolist() == [1, 0, 2, 3]
    assert table["status"].tolist() == ["done", "done", "failed", "unused"]
    assert table["budget"].tolist() == [1, 2, 1, 0]
    assert table["best_budget"].tolist() == [1, 2, 0, 0]
    assert table["score"].tolist()[:2] == [3.0, 2.0]
    assert table["score"].isna().tolist() == [False, False, True, True]
    assert table["error"].tolist() == ["", "", "ValueError: broken", ""]


def test_parallel_coordinates_draw_finished_trials_on_axes_of_any_type() -> None:
    (lines,) = plot_configurations(tabulate_trials(TRIALS, SEARCH), SEARCH).data
    axes = {axis.label: axis for axis in lines.dimensions}
    assert list(axes) == ["flag", "name", "x", "best_budget", "score"]
    assert list(axes["x"].values) == [0.2, 0.1]
    assert (list(axes["flag"].values), list(axes["flag"].ticktext)) == ([0, 1], ["False", "True"])
    assert (list(axes["name"].values), list(axes["name"].ticktext)) == ([0, 1], ["a", "b"])
    assert list(lines.line.color) == [3.0, 2.0]


def test_budget_curves_leave_out_rungs_that_failed() -> None:
    curves = plot_budget_curves([make_trial(0, 1.0, 2.0), make_trial(1, 1.0, None, status="failed")], SEARCH).data
    assert [(curve.name, list(curve.x), list(curve.y)) for curve in curves] == [
        ("trial 0", [1, 2], [1.0, 2.0]),
        ("trial 1", [1], [1.0]),
    ]
