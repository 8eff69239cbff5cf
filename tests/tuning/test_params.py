"""Parameters of a search, and the shape that they give it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.toys import search_params
from triptych.tuning.params import SearchParams
from triptych.tuning.space import Dimension

GRID = {"x": Dimension(kind="choice", values=(1, 2)), "y": Dimension(kind="choice", values=("a", "b", "c"))}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"max_budget": 0}, "max_budget"),
        ({"space": {}}, "space"),
        ({"seed": -1}, "seed"),
        ({"trials": 0}, "trials"),
        ({"rungs": 0}, "rungs"),
        ({"eta": 1}, "eta"),
        ({"slots": 0}, "slots"),
    ],
)
def test_values_out_of_range_are_refused(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        search_params(**changes)


def test_budgets_that_would_not_grow_are_refused() -> None:
    with pytest.raises(ValueError, match="max_budget must be at least 9 for 3 rungs.*got 8"):
        search_params(max_budget=8)
    assert search_params(max_budget=9).budget(0) == 1


REPORTED = {"max": ("score", "second"), "min": ("rank",)}


class Known(SearchParams):
    reported = REPORTED


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metric": "scroe"}, "metric must be score or second for mode max, got 'scroe'"),
        ({"tie_breaker": "rank"}, "tie_breaker must be score or second for mode max, got 'rank'"),
        ({"mode": "min"}, "metric must be rank for mode min, got 'score'"),
    ],
)
def test_a_metric_that_trials_do_not_report_or_of_the_other_mode_is_refused(changes: dict[str, Any], said: str) -> None:
    given = search_params().model_dump()
    assert Known.read({**given, "metric": "rank", "tie_breaker": "rank", "mode": "min"}).mode == "min"
    with pytest.raises(ValueError, match=said):
        Known.read({**given, **changes})


def test_a_grid_of_a_range_is_refused_by_name() -> None:
    space = {"good": Dimension(kind="choice", values=(1,)), "bad": Dimension(kind="int", low=1, high=2)}
    with pytest.raises(ValueError, match="kind choice.*; bad are not"):
        search_params(sampler="grid", space=space)


@st.composite
def searches(draw: st.DrawFn) -> SearchParams:
    rungs, eta = draw(st.integers(1, 5)), draw(st.integers(2, 5))
    return search_params(
        trials=draw(st.integers(1, 200)),
        rungs=rungs,
        eta=eta,
        slots=draw(st.integers(1, 9)),
        max_budget=draw(st.integers(eta ** (rungs - 1), 5000)),
        sampler=draw(st.sampled_from(["random", "tpe"])),
    )


@given(searches())
def test_rungs_shrink_to_no_less_than_one_trial(search: SearchParams) -> None:
    assert len(search.survivors) == search.rungs
    assert search.survivors[0] == search.trials
    for rung, size in enumerate(search.survivors):
        assert size == max(search.trials // search.eta**rung, 1)


@given(searches())
def test_budgets_grow_to_the_largest(search: SearchParams) -> None:
    budgets = [search.budget(rung) for rung in range(search.rungs)]
    assert budgets[-1] == search.max_budget
    assert budgets[0] >= 1
    assert budgets == sorted(set(budgets))


@given(searches())
def test_a_rung_has_no_more_nodes_than_slots_or_trials(search: SearchParams) -> None:
    assert [slots for slots in search.shape if slots < 1] == []
    for slots, size in zip(search.shape, search.sizes, strict=True):
        assert slots == min(search.slots, size)


def test_the_textbook_example() -> None:
    search = search_params(trials=27, rungs=4, eta=3, max_budget=27, slots=4)
    assert search.sizes == (27, 9, 3, 1)
    assert [search.budget(rung) for rung in range(4)] == [1, 3, 9, 27]
    assert search.shape == (4, 4, 3, 1)


def test_tpe_doubles_the_rungs_between_the_first_and_the_last() -> None:
    search = search_params(trials=27, rungs=4, eta=3, max_budget=27, sampler="tpe")
    assert search.sizes == (27, 18, 6, 1)
    assert [search.first_number(rung) for rung in range(4)] == [0, 27, 36, 39]


def test_a_grid_is_as_large_as_its_space() -> None:
    assert search_params(sampler="grid", space=GRID, trials=100).sizes == (6, 2, 1)
