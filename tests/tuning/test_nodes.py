"""The nodes of a search, without Kedro."""

from __future__ import annotations

import pytest

from tests.tuning.toys import make_trial, search_params
from triptych.tuning.nodes import promote_rung, sample_trials, select_best
from triptych.tuning.plan import SearchPlan
from triptych.tuning.space import Dimension

PLAN = SearchPlan(6, 2, 3)
GRID = {"x": Dimension(kind="choice", values=(1, 2)), "y": Dimension(kind="choice", values=("a", "b"))}


def test_the_first_rung_waits_with_the_smallest_budget() -> None:
    trials = sample_trials(search_params(), plan=PLAN)
    assert [trial.number for trial in trials] == list(range(6))
    assert {(trial.budget, trial.status, trial.history) for trial in trials} == {(3, "waiting", ())}
    assert trials == sample_trials(search_params(), plan=PLAN)


def test_a_search_is_known_by_all_that_shapes_it() -> None:
    searches = [search_params(), search_params(seed=1), search_params(max_budget=18), search_params(space=GRID)]
    prints = [sample_trials(search, plan=PLAN)[0].search for search in searches]
    prints.append(sample_trials(search_params(), plan=SearchPlan(7, 2, 3))[0].search)
    assert len(set(prints)) == len(prints)


def test_budgets_that_would_not_grow_are_refused() -> None:
    with pytest.raises(ValueError, match="max_budget must be at least 9 .*got 8"):
        sample_trials(search_params(max_budget=8), plan=SearchPlan(9, 3, 3))
    assert sample_trials(search_params(max_budget=9), plan=SearchPlan(9, 3, 3))[0].budget == 1


def test_a_grid_takes_every_combination_and_leaves_the_rest_unused() -> None:
    trials = sample_trials(search_params(space=GRID, method="grid"), plan=PLAN)
    assert [trial.status for trial in trials] == ["waiting"] * 4 + ["unused"] * 2
    assert {(trial.config["x"], trial.config["y"]) for trial in trials[:4]} == {(x, y) for x in (1, 2) for y in "ab"}


def test_a_grid_larger_than_the_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="grid has 4 configurations.*3 trials"):
        sample_trials(search_params(space=GRID, method="grid"), plan=SearchPlan(3))


def test_a_rung_takes_the_plans_size_and_budget() -> None:
    trials = [make_trial(i, float(i)) for i in range(6)]
    promoted = promote_rung(search_params(), *trials, plan=PLAN, rung=1)
    assert [(trial.number, trial.budget) for trial in promoted] == [(5, 9), (4, 9)]


def test_the_best_is_the_best_of_every_rung_with_what_the_training_chose() -> None:
    first = [make_trial(0, 3.0), make_trial(1, 2.0), make_trial(2, None, status="failed")]
    last = [make_trial(0, 3.0, 1.0)]
    best, table, configurations, budgets = select_best(search_params(), *first, *last)
    assert best["config"] == {"x": 0.0}
    assert (best["trial"], best["budget"], best["metrics"]["score"]) == (0, 1, 3.0)
    assert (best["trials"], best["trials_failed"], best["trial_seconds"]) == (3, 1, 4.0)
    assert table["trial"].tolist() == [0, 1, 2]
    assert len(budgets.data) == 3
    assert len(configurations.data) == 1


def test_no_best_if_every_trial_failed() -> None:
    with pytest.raises(ValueError, match="all 2 trials failed: ValueError: broken"):
        select_best(search_params(), make_trial(0, None, status="failed"), make_trial(1, None, status="failed"))
