"""Parameters are checked as a whole."""

from __future__ import annotations

import typing
from typing import Any, NamedTuple

import pytest
from kedro.pipeline import Node, Pipeline
from pydantic import BaseModel
from typing_extensions import TypedDict

from triptych.parameters import Problem, build_parameters, parameter_blocks

GOOD: dict[str, Any] = {"toy": {"draw": {"count": 2}, "fail": {}}}


class Point(NamedTuple):
    x: int
    y: int


class Settings(BaseModel):
    size: int


class Entry(TypedDict):
    size: int


class TypingEntry(typing.TypedDict):  # before Python 3.12 pydantic takes no other than that of typing_extensions
    size: int


def take_settings(settings: Settings | None) -> Any:
    return settings


def take_point(point: Point) -> Point:
    return point


def take_float(value: float) -> float:
    return value


def check_parameters(*arguments: Any) -> list[Problem]:
    return build_parameters(*arguments).problems


def keys(problems: list[Problem]) -> list[str]:
    return [problem.key for problem in problems]


def test_good_parameters_are_built(toy_pipelines: dict[str, Pipeline]) -> None:
    values, problems, _ = build_parameters(GOOD, toy_pipelines)
    assert problems == []
    assert {key: type(value).__name__ for key, value in values.items()} == {
        "toy.draw": "DrawParams",
        "toy.fail": "FailParams",
    }


@pytest.mark.parametrize(
    ("change", "key", "hint"),
    [
        ({"toy": {**GOOD["toy"], "drw": {}}}, "toy.drw", "did you mean 'draw'?"),
        ({"toy": {**GOOD["toy"], "draw": {"cuont": 1}}}, "toy.draw.cuont", "did you mean 'count'?"),
        (
            {"toy": {**GOOD["toy"], "draw": {"coin": {"bais": 1}}}},
            "toy.draw.coin.bais",
            "did you mean 'bias'?",
        ),
        ({"toy": {**GOOD["toy"], "count": 1}}, "toy.count", "did you mean 'toy.draw.count'?"),
    ],
)
def test_a_typo_is_named_with_the_nearest_key(
    toy_pipelines: dict[str, Pipeline], change: dict[str, Any], key: str, hint: str
) -> None:
    (problem,) = check_parameters({**GOOD, **change}, toy_pipelines)
    assert problem.key == key
    assert hint in problem.message


def test_a_key_at_the_top_that_no_node_takes_is_a_warning(toy_pipelines: dict[str, Pipeline]) -> None:
    _, problems, warnings = build_parameters({**GOOD, "toi": {}, "mine": 3, "_template": 4}, toy_pipelines)
    assert problems == []
    assert warnings == [
        Problem("mine", "no node takes it"),
        Problem("toi", "no node takes it, did you mean 'toy'?"),
    ]


def test_blocks_of_all_pipelines_are_checked_not_only_of_one(toy_pipelines: dict[str, Pipeline]) -> None:
    assert keys(check_parameters({"toy": {}}, toy_pipelines)) == ["toy.draw", "toy.fail"]


def test_a_value_where_a_workload_belongs_is_one_problem(toy_pipelines: dict[str, Pipeline]) -> None:
    expected = [Problem("toy", "must be a block of keys, got 3")]
    assert check_parameters({"toy": 3}, toy_pipelines) == expected
    pipelines = {**toy_pipelines, "p": Pipeline([Node(take_anything, "params:toy", "o")])}
    assert check_parameters({"toy": 3}, pipelines) == expected


def test_runtime_names_are_allowed_and_their_typos_are_not(toy_pipelines: dict[str, Pipeline]) -> None:
    def check(runtime: dict[str, Any]) -> list[Problem]:
        return check_parameters({**GOOD, **runtime}, toy_pipelines, runtime, {"data_root", "toy_raw"})

    assert check({"data_root": "/elsewhere"}) == []
    (problem,) = check({"toy_rwa": "x"})
    assert (problem.key, problem.message) == ("toy_rwa", "unknown key, did you mean 'toy_raw'?")


def test_a_runtime_name_in_a_parameters_file_has_no_effect_and_is_refused(
    toy_pipelines: dict[str, Pipeline],
) -> None:
    (problem,) = check_parameters({**GOOD, "data_root": "x"}, toy_pipelines, {}, {"data_root"})
    assert problem.key == "data_root"
    assert "--params" in problem.message


def test_any_runtime_name_passes_where_the_configuration_cannot_be_searched(
    toy_pipelines: dict[str, Pipeline],
) -> None:
    assert check_parameters({**GOOD, "x": 1}, toy_pipelines, {"x": 1}, None) == []


def take_int(value: int) -> int:
    return value


def take_text(value: str) -> str:
    return value


def take_anything(value):  # type: ignore[no-untyped-def]
    return value


def take_dict(value: dict[str, Any]) -> int:
    return len(value)


def test_beside_blocks_that_a_node_takes_as_a_whole_only_a_near_miss_is_told(
    toy_pipelines: dict[str, Pipeline],
) -> None:
    pipelines = {**toy_pipelines, "p": Pipeline([Node(take_dict, "params:toy", "o")])}
    _, problems, warnings = build_parameters({"toy": {**GOOD["toy"], "mine": 1, "drw": {}}}, pipelines)
    assert (problems, warnings) == ([], [Problem("toy.drw", "no node takes it, did you mean 'draw'?")])


def test_where_a_node_takes_everything_only_a_near_miss_is_told(toy_pipelines: dict[str, Pipeline]) -> None:
    pipelines = {**toy_pipelines, "p": Pipeline([Node(take_dict, "parameters", "o")])}
    runtime = {"data_rot": "x", "mine": 1}
    _, problems, warnings = build_parameters({**GOOD, **runtime}, pipelines, runtime, {"data_root"})
    assert (problems, warnings) == ([], [Problem("data_rot", "no node takes it, did you mean 'data_root'?")])


def test_the_node_that_says_most_of_a_parameter_is_believed(toy_pipelines: dict[str, Pipeline]) -> None:
    for take in (take_dict, take_anything):
        pipelines = {"p": Pipeline([Node(take, "params:toy.draw", "o")]), **toy_pipelines}
        assert parameter_blocks(pipelines)["toy.draw"].__name__ == "DrawParams"


def test_plain_annotations_are_checked_too() -> None:
    pipelines = {"p": Pipeline([Node(take_int, "params:n", "o"), Node(take_anything, "params:any", "o2")])}
    assert keys(check_parameters({"n": "x", "any": object()}, pipelines)) == ["n"]


def test_a_value_fits_what_every_node_says_of_it() -> None:
    pipelines = {"p": Pipeline([Node(take_int, "params:n", "o"), Node(take_float, "params:n", "o2")])}
    assert check_parameters({"n": 3}, pipelines) == []
    assert keys(check_parameters({"n": 3.5}, pipelines)) == ["n"]
    pipelines["q"] = Pipeline([Node(take_text, "params:n", "o")])
    assert [str(problem) for problem in check_parameters({"n": 3}, pipelines)] == [
        "n: must be text, got 3; put it in quotes"
    ]


def test_named_tuples_are_built() -> None:
    pipelines = {"p": Pipeline([Node(take_point, "params:p", "o")])}
    assert build_parameters({"p": [1, 2]}, pipelines).values == {"p": Point(1, 2)}


@pytest.mark.parametrize(
    ("parameters", "key"), [({"toy": None}, "toy"), ({"toy": {"draw": None, "fail": {}}}, "toy.draw")]
)
def test_an_empty_key_is_one_problem(parameters: dict[str, Any], key: str, toy_pipelines: dict[str, Pipeline]) -> None:
    assert [str(problem) for problem in check_parameters(parameters, toy_pipelines)] == [
        f"{key}: is empty: remove the key, or fill it"
    ]


def test_a_block_that_its_node_does_without_may_be_empty() -> None:
    pipelines = {"p": Pipeline([Node(take_settings, "params:p", "o")])}
    assert build_parameters({"p": None}, pipelines) == ({"p": None}, [], [])
    assert build_parameters({"p": {"size": 2}}, pipelines).values == {"p": Settings(size=2)}


@pytest.mark.parametrize("kind", [Entry, list[Entry], TypingEntry])
def test_a_type_that_pydantic_does_not_take_is_left_to_kedro(kind: Any) -> None:
    def take(entry: Any) -> Any:
        return entry

    take.__annotations__ = {"entry": kind}
    value: Any = [{"size": 2}] if kind == list[Entry] else {"size": 2}
    assert build_parameters({"e": value}, {"p": Pipeline([Node(take, "params:e", "o")])}) == ({"e": value}, [], [])


def test_inputs_given_by_name_are_matched_by_name(toy_pipelines: dict[str, Pipeline]) -> None:
    # toy's node `right` lists its inputs in another order than its function.
    assert parameter_blocks(toy_pipelines)["toy.fail"].__name__ == "FailParams"
