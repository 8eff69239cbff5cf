"""The search as a table and three plots."""

from __future__ import annotations

import json

import pytest

from tests.tuning.toys import make_trial, search_params
from triptych.tuning.leaderboard import latest, plot_search, tabulate_trials
from triptych.tuning.space import Dimension
from triptych.tuning.trials import Trial

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
]


def test_of_each_trial_the_state_that_got_furthest_counts() -> None:
    found = latest((make_trial(1, 1.0), make_trial(0, 1.0), make_trial(0, 1.0, 2.0)))
    assert [(trial.number, len(trial.history)) for trial in found] == [(0, 2), (1, 1)]


def test_the_table_is_sorted_and_ends_with_the_error() -> None:
    table = tabulate_trials(TRIALS, SEARCH)
    first = ["place", "trial", "status", "budget", "best_budget", "seconds", "score", "second"]
    assert list(table) == [*first, "flag", "name", "x", "error"]
    assert table["place"].tolist() == [1, 2, 3]
    assert table["trial"].tolist() == [1, 0, 2]
    assert table["status"].tolist() == ["done", "done", "failed"]
    assert table["budget"].tolist() == [1, 2, 1]
    assert table["best_budget"].tolist() == [1, 2, 0]
    assert table["score"].tolist()[:2] == [3.0, 2.0]
    assert table["score"].isna().tolist() == [False, False, True]
    assert table["error"].tolist() == ["", "", "ValueError: broken"]


def test_finished_trials_are_drawn_whatever_the_type_of_their_settings() -> None:
    configurations, budgets, importances = plot_search(TRIALS, SEARCH)
    drawn = configurations.to_json()
    for name in ("score", "x", "flag", "name"):
        assert f'"{name}' in drawn
    assert "0.3" not in json.loads(drawn)["data"]
    assert [list(curve.x) for curve in budgets.data] == [[1, 2], [1]]
    assert [list(curve.y) for curve in budgets.data] == [[1.0, 2.0], [3.0]]
    assert set(importances.data[0].y) == set(SPACE)


def test_what_matters_stands_out() -> None:
    trials = [make_trial(n, n / 20, config={"x": n / 20, "flag": n % 2 == 0, "name": "a"}) for n in range(20)]
    bar = plot_search(trials, SEARCH)[2].data[0]
    shares = dict(zip(bar.y, bar.x, strict=True))
    assert shares["x"] > 0.8


@pytest.mark.parametrize("trials", [[], TRIALS[2:], TRIALS[:1]])
def test_plots_of_next_to_nothing_are_still_plots(trials: list[Trial], recwarn: pytest.WarningsRecorder) -> None:
    for figure in plot_search(trials, SEARCH):
        assert json.loads(figure.to_json())["layout"].get("title", {}).get("text") is None
    assert [warning for warning in recwarn if "optuna" in str(warning.filename)] == []
