"""Draws stay in range, are repeatable, and differ."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.tuning.space import Dimension, draw_configurations, list_grid

bounds = st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000)).map(sorted)
positive = st.tuples(st.integers(1, 1000), st.integers(1, 1000)).map(sorted)
whole = st.one_of(
    bounds.map(lambda b: Dimension(kind="int", low=b[0], high=b[1])),
    positive.map(lambda b: Dimension(kind="log_int", low=b[0], high=b[1])),
)
real = st.one_of(
    bounds.map(lambda b: Dimension(kind="uniform", low=b[0], high=b[1])),
    positive.map(lambda b: Dimension(kind="log_uniform", low=b[0] / 1000, high=b[1] / 1000)),
)
seeds = st.integers(0, 2**32)


@given(whole | real, seeds)
def test_a_draw_is_in_range_and_of_its_type(dimension: Dimension, seed: int) -> None:
    value = dimension.draw(np.random.default_rng(seed))
    assert dimension.low is not None
    assert dimension.high is not None
    assert dimension.low <= value <= dimension.high
    assert type(value) is (int if dimension.kind.endswith("int") else float)


@given(st.lists(st.integers() | st.booleans() | st.text(), min_size=1), seeds)
def test_a_choice_is_one_of_its_values(values: list[Any], seed: int) -> None:
    assert Dimension(kind="choice", values=tuple(values)).draw(np.random.default_rng(seed)) in values


@pytest.mark.parametrize("kind", ["int", "log_int"])
def test_whole_numbers_reach_both_ends(kind: Any) -> None:
    rng = np.random.default_rng(0)
    assert {Dimension(kind=kind, low=2, high=5).draw(rng) for _ in range(200)} == {2, 3, 4, 5}


def test_logarithmic_draws_are_even_over_magnitudes() -> None:
    rng = np.random.default_rng(0)
    for kind in ("log_uniform", "log_int"):
        drawn = [Dimension(kind=kind, low=1, high=10_000).draw(rng) for _ in range(2000)]
        magnitudes = np.bincount([int(math.log10(value)) for value in drawn], minlength=4)[:4]
        assert (abs(magnitudes - 500) < 100).all(), kind


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


spaces = st.dictionaries(st.sampled_from("abcd"), whole | real, min_size=1)


@given(spaces, seeds, st.integers(0, 12), st.integers(0, 12))
def test_a_longer_search_begins_with_the_shorter_one(
    space: dict[str, Dimension], seed: int, short: int, more: int
) -> None:
    first = draw_configurations(space, short, seed)
    assert draw_configurations(space, short + more, seed)[:short] == first
    assert draw_configurations(dict(reversed(space.items())), short, seed) == first
    assert all(set(configuration) == set(space) for configuration in first)


def test_another_seed_draws_others() -> None:
    space = {"x": Dimension(kind="uniform", low=0, high=1)}
    assert draw_configurations(space, 3, 0) != draw_configurations(space, 3, 1)


def test_configurations_differ_as_far_as_they_can() -> None:
    space = {"a": Dimension(kind="choice", values=(1, 2, 3)), "b": Dimension(kind="choice", values=(True, False))}
    drawn = draw_configurations(space, 6, 0)
    assert len({tuple(sorted(configuration.items())) for configuration in drawn}) == 6
    assert len(draw_configurations(space, 9, 0)) == 9


def test_a_grid_has_every_combination_once() -> None:
    space = {"b": Dimension(kind="choice", values=(1, 2, 3)), "a": Dimension(kind="choice", values=("x", "y"))}
    grid = list_grid(space)
    assert len(grid) == 6
    assert {(point["a"], point["b"]) for point in grid} == {(a, b) for a in "xy" for b in (1, 2, 3)}


def test_a_grid_of_a_range_is_refused_by_name() -> None:
    space = {"good": Dimension(kind="choice", values=(1,)), "bad": Dimension(kind="int", low=1, high=2)}
    with pytest.raises(ValueError, match="kind choice.*; bad are not"):
        list_grid(space)
