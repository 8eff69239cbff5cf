"""Values are built to their annotations, or every problem is named."""

from __future__ import annotations

import dataclasses
import json
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.parameters.build import BAD, build, suggest, type_name
from triptych.parameters.problem import Problem


class Color(Enum):
    RED = "red"


@dataclasses.dataclass(frozen=True)
class Inner:
    low: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.low <= 1:
            raise ValueError(f"low must be in [0, 1], got {self.low}")


@dataclasses.dataclass(frozen=True)
class Outer:
    seed: int
    sizes: tuple[int, ...] = ()
    pair: tuple[int, str] = (0, "a")
    weights: dict[str, float] = dataclasses.field(default_factory=dict)
    kind: Literal["a", "b"] = "a"
    limit: int | None = None
    inner: Inner = dataclasses.field(default_factory=Inner)
    names: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, got {self.seed}")


def problems_of(annotation: Any, value: Any) -> list[Problem]:
    problems: list[Problem] = []
    result = build(annotation, value, "x", problems)
    assert (result is BAD) == bool(problems)
    return problems


finite = st.floats(0, 1)
outers = st.builds(
    Outer,
    seed=st.integers(0),
    sizes=st.lists(st.integers()).map(tuple),
    pair=st.tuples(st.integers(), st.text()),
    weights=st.dictionaries(st.text(), finite),
    kind=st.sampled_from(["a", "b"]),
    limit=st.none() | st.integers(),
    inner=st.builds(Inner, low=finite),
    names=st.lists(st.text()),
)


@given(outers)
def test_what_json_makes_of_a_block_is_built_back(outer: Outer) -> None:
    raw = json.loads(json.dumps(dataclasses.asdict(outer)))
    problems: list[Problem] = []
    assert build(Outer, raw, "x", problems) == outer
    assert problems == []


@given(outers, st.text(min_size=1))
def test_an_unknown_key_is_named_at_any_level(outer: Outer, name: str) -> None:
    raw = dataclasses.asdict(outer)
    for block, key, valid in ((raw, f"x.{name}", Outer), (raw["inner"], f"x.inner.{name}", Inner)):
        if name in {field.name for field in dataclasses.fields(valid)}:
            continue
        block[name] = 1
        problems: list[Problem] = []
        assert build(Outer, raw, "x", problems) is BAD
        assert [problem.key for problem in problems] == [key]
        del block[name]


@pytest.mark.parametrize(
    ("annotation", "value", "built"),
    [
        (float, 3, 3.0),
        (int | float, 3, 3),
        (Path, "a/b", Path("a/b")),
        (Color, "red", Color.RED),
        (Any, {"a": 1}, {"a": 1}),
        (int | None, None, None),
    ],
)
def test_values_are_converted_where_nothing_is_lost(annotation: Any, value: Any, built: Any) -> None:
    problems: list[Problem] = []
    result = build(annotation, value, "x", problems)
    assert (result, type(result), problems) == (built, type(built), [])


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int, True, "must be a whole number, got True"),
        (int, 1.0, "must be a whole number, got 1.0"),
        (int, "1", "must be a whole number, got '1'"),
        (float, "1e-3", "must be a number, got '1e-3'"),
        (bool, 1, "must be true or false, got 1"),
        (str, 12, "must be text, got 12; put it in quotes"),
        (int, None, "must be a whole number, got None"),
        (Literal["a", 1], True, "must be one of 'a', 1, got True"),
        (Color, "blue", "must be one of 'red', got 'blue'"),
        (int | str, 1.5, "must be int | str, got 1.5"),
        (tuple[int, ...], 3, "must be a list (tuple[int, ...]), got 3"),
        (tuple[int, int], [1], "must have 2 entries, got 1: [1]"),
        (dict[str, int], [1], "must be a block of keys, got [1]"),
        (Inner, 1, "must be a block of keys, got 1"),
        (Inner, {"low": 2}, "low must be in [0, 1], got 2.0"),
    ],
)
def test_a_wrong_value_is_refused(annotation: Any, value: Any, message: str) -> None:
    assert [problem.message for problem in problems_of(annotation, value)] == [message]


def test_all_problems_of_a_block_are_found_at_once() -> None:
    raw = {"seed": -1, "sizes": [1, "two"], "kind": "c", "inner": {"low": 7}, "nmes": []}
    assert {problem.key for problem in problems_of(Outer, raw)} == {
        "x.seed",
        "x.sizes[1]",
        "x.kind",
        "x.inner.low",
        "x.nmes",
    }


def test_a_missing_field_without_default_is_named() -> None:
    assert problems_of(Outer, {}) == [Problem("x.seed", "is missing and has no default")]


def test_an_annotation_that_yaml_cannot_fill_is_the_developers_error() -> None:
    with pytest.raises(TypeError, match="can't be annotated"):
        build(complex, 1, "x", [])


def test_suggestions() -> None:
    assert suggest("splt", ["split", "other"]) == ", did you mean 'split'?"
    assert suggest("q", ["b", "a"]) == ", known here: a, b"
    assert suggest("q", []) == ""


def test_type_names_carry_no_modules() -> None:
    assert type_name(int | None) == "int | None"
    assert type_name(tuple[Path, ...]) == "tuple[Path, ...]"
    assert type_name(Literal["a", "b"]) == "Literal['a', 'b']"
