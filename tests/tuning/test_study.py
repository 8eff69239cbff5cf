"""Configurations stay in range, are repeatable, and differ; Optuna learns of trials what they scored."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.toys import make_trial, search_params
from triptych.tuning.params import SearchParams
from triptych.tuning.space import Dimension
from triptych.tuning.study import draw_configurations, make_study, propose_configurations

bounds = st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000)).map(sorted)
positive = st.tuples(st.integers(1, 1000), st.integers(1, 1000)).map(sorted)
dimensions = st.one_of(
    bounds.map(lambda b: Dimension(kind="int", low=b[0], high=b[1])),
    positive.map(lambda b: Dimension(kind="log_int", low=b[0], high=b[1])),
    bounds.map(lambda b: Dimension(kind="uniform", low=b[0], high=b[1])),
    positive.map(lambda b: Dimension(kind="log_uniform", low=b[0] / 1000, high=b[1] / 1000)),
)
spaces = st.dictionaries(st.sampled_from("abcd"), dimensions, min_size=1)
seeds = st.integers(0, 2**32 - 1)


def draw(space: dict[str, Dimension], count: int = 9, seed: int = 0, **options: Any) -> list[dict[str, Any]]:
    return draw_configurations(search_params(space=space, trials=count, seed=seed, **options))


@given(dimensions, seeds)
def test_a_draw_is_in_range_and_of_its_type(dimension: Dimension, seed: int) -> None:
    ((value,),) = (config.values() for config in draw({"x": dimension}, 1, seed))
    assert dimension.low is not None
    assert dimension.high is not None
    assert dimension.low <= value <= dimension.high
    assert type(value) is (int if dimension.kind.endswith("int") else float)


@pytest.mark.parametrize("values", [(True, 1, "1"), ([[16]], [[16, 32], [64]]), ("ü", None, 0.5)])
def test_a_choice_is_one_of_its_values_whatever_these_are(values: tuple[Any, ...]) -> None:
    drawn = [config["x"] for config in draw({"x": Dimension(kind="choice", values=values)}, len(values))]
    assert sorted(map(repr, drawn)) == sorted(map(repr, values))


@pytest.mark.parametrize("kind", ["int", "log_int"])
def test_whole_numbers_reach_both_ends(kind: Any) -> None:
    assert {config["x"] for config in draw({"x": Dimension(kind=kind, low=2, high=5)}, 4)} == {2, 3, 4, 5}


@pytest.mark.parametrize("kind", ["log_uniform", "log_int"])
def test_logarithmic_draws_are_even_over_magnitudes(kind: Any) -> None:
    drawn = [config["x"] for config in draw({"x": Dimension(kind=kind, low=1000, high=10_000_000)}, 400)]
    magnitudes = np.bincount([int(math.log10(value)) for value in drawn], minlength=7)[3:7]
    assert (abs(magnitudes - 100) < 40).all()


@given(spaces, seeds, st.integers(1, 8), st.integers(0, 8))
def test_a_longer_search_begins_with_the_shorter_one(
    space: dict[str, Dimension], seed: int, short: int, more: int
) -> None:
    first = draw(space, short, seed)
    assert draw(space, short + more, seed)[:short] == first
    assert draw(dict(reversed(space.items())), short, seed) == first
    assert all(set(configuration) == set(space) for configuration in first)


def test_another_seed_draws_others() -> None:
    space = {"x": Dimension(kind="uniform", low=0, high=1)}
    assert draw(space, 3, 0) != draw(space, 3, 1)


SMALL = {"a": Dimension(kind="choice", values=(1, 2, 3)), "b": Dimension(kind="choice", values=(True, False))}


def test_configurations_differ_as_far_as_they_can() -> None:
    assert len({tuple(sorted(configuration.items())) for configuration in draw(SMALL, 6)}) == 6
    assert len(draw(SMALL, 9)) == 9


def test_a_grid_has_every_combination_once() -> None:
    grid = draw(SMALL, sampler="grid")
    assert len(grid) == 6
    assert {(point["a"], point["b"]) for point in grid} == {(a, b) for a in (1, 2, 3) for b in (True, False)}


def tpe(seed: int = 0) -> SearchParams:
    space = {"x": Dimension(kind="uniform", low=0, high=1), "flag": SMALL["b"]}
    return search_params(space=space, sampler="tpe", seed=seed, trials=27)


def test_tpe_proposes_new_ones_near_the_best() -> None:
    before = [make_trial(n, -abs(n / 27 - 0.3), config={"x": n / 27, "flag": n % 2 == 0}) for n in range(27)]
    proposed = propose_configurations(tpe(), 1, before)
    assert len(proposed) == tpe().proposals[1] == 9
    assert proposed == propose_configurations(tpe(), 1, before)
    assert proposed != propose_configurations(tpe(1), 1, before)
    assert [config for config in proposed if config in [trial.config for trial in before]] == []
    assert np.median([abs(config["x"] - 0.3) for config in proposed]) < 0.1  # .25 if they were drawn


def test_without_tpe_nothing_is_proposed() -> None:
    assert propose_configurations(search_params(), 1, [make_trial(0, 1.0)]) == []


def test_optuna_knows_trials_by_their_best_and_by_every_budget() -> None:
    trials = [make_trial(0, 1.0, 0.5), make_trial(1, None, status="failed"), make_trial(2, 2.0, None, status="failed")]
    study = make_study(search_params(), trials)
    assert [trial.value for trial in study.trials] == [1.0, 2.0]
    assert [trial.intermediate_values for trial in study.trials] == [{1: 1.0, 2: 0.5}, {1: 2.0}]
    assert [trial.params for trial in study.trials] == [{"x": 0.0}, {"x": 0.2}]
    assert make_study(search_params(mode="min"), trials).best_value == 0.5
