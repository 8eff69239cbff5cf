"""Shapes of searches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.tuning.plan import SearchPlan

plans = st.builds(SearchPlan, trials=st.integers(1, 200), rungs=st.integers(1, 6), eta=st.integers(2, 5))


@given(plans)
def test_rungs_shrink_to_no_less_than_one_trial(plan: SearchPlan) -> None:
    assert len(plan.sizes) == plan.rungs
    assert plan.sizes[0] == plan.trials
    for before, after in zip(plan.sizes, plan.sizes[1:], strict=False):
        assert after == max(before // plan.eta, 1)


@given(plans, st.integers(1, 5000))
def test_budgets_end_with_the_largest_and_are_never_zero(plan: SearchPlan, max_budget: int) -> None:
    budgets = [plan.budget(rung, max_budget) for rung in range(plan.rungs)]
    assert budgets[-1] == max_budget
    assert min(budgets) >= 1
    assert budgets == sorted(budgets)
    if max_budget >= plan.eta ** (plan.rungs - 1):
        assert len(set(budgets)) == plan.rungs


def test_the_textbook_example() -> None:
    plan = SearchPlan(27, 4, 3)
    assert plan.sizes == (27, 9, 3, 1)
    assert [plan.budget(rung, 27) for rung in range(4)] == [1, 3, 9, 27]


@pytest.mark.parametrize(("values", "name"), [((0,), "trials"), ((1, 0), "rungs"), ((1, 1, 1), "eta")])
def test_impossible_plans_are_refused(values: tuple[int, ...], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        SearchPlan(*values)
