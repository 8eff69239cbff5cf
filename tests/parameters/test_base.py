"""A block takes what YAML can write, as strictly as types allow, and nothing else."""

from __future__ import annotations

import copy
import json
import math
import pickle
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, NonNegativeInt, ValidationError

from triptych.parameters.base import Fraction, ModelName, OpenShare, Params, Share, UnitInterval, check_value
from triptych.parameters.problem import list_problems


class Color(Enum):
    RED = "red"


class Inner(Params):
    low: UnitInterval = 0.5


class Outer(Params):
    seed: NonNegativeInt
    sizes: tuple[int, ...] = ()
    pair: tuple[int, str] = (0, "a")
    weights: dict[str, float] = Field(default_factory=dict)
    kind: Literal["a", "b"] = "a"
    limit: int | None = None
    inner: Inner = Inner()
    names: list[str] = Field(default_factory=list)
    path: Path = Path("x")


def refusals(annotation: Any, value: Any) -> list[str]:
    """List the lines that say why a value is refused."""
    with pytest.raises(ValidationError) as caught:
        check_value(annotation, value)
    return [str(problem) for problem in list_problems(caught.value, annotation, value, "x")]


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
    raw = json.loads(json.dumps(outer.model_dump(), default=str))
    assert check_value(Outer, raw) == outer
    assert Outer.read(raw) == outer


@given(outers, st.text(min_size=1))
def test_an_unknown_key_is_named_at_any_level(outer: Outer, name: str) -> None:
    raw = outer.model_dump()
    for block, key, valid in ((raw, f"x.{name}", Outer), (raw["inner"], f"x.inner.{name}", Inner)):
        if name in valid.model_fields:
            continue
        block[name] = 1
        (line,) = refusals(Outer, raw)
        assert line.startswith(f"{key}: unknown key")
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
        (tuple[tuple[int, ...], ...], [[1], [2, 3]], ((1,), (2, 3))),
        (dict[str, Inner], {"a": {"low": 1}}, {"a": Inner(low=1)}),
        (set[str], ["a", "a"], {"a"}),
        (date, "2026-11-28", date(2026, 11, 28)),
        (Decimal, "1.50", Decimal("1.50")),
        (UUID, "12345678-1234-5678-1234-567812345678", UUID("12345678123456781234567812345678")),
        (dict, {"a": [1]}, {"a": [1]}),
        (list, [1, "a"], [1, "a"]),
    ],
)
def test_values_are_converted_where_nothing_is_lost(annotation: Any, value: Any, built: Any) -> None:
    result = check_value(annotation, value)
    assert (result, type(result)) == (built, type(built))


@pytest.mark.parametrize(
    ("annotation", "value", "line"),
    [
        (int, True, "x: must be a whole number, got True"),
        (int, 1.0, "x: must be a whole number, got 1.0"),
        (int, "1", "x: must be a whole number, got '1'"),
        (float, "1e-3", "x: must be a number, got '1e-3'"),
        (float, True, "x: must be a number, got True"),
        (float, math.nan, "x: must be a finite number, got nan"),
        (bool, 1, "x: must be true or false, got 1"),
        (str, 12, "x: must be text, got 12; put it in quotes"),
        (int, None, "x: must be a whole number, got None"),
        (Literal["a", 1], True, "x: must be 'a' or 1, got True"),
        (Literal["a", 1], 1.0, "x: must be 'a' or 1, got 1.0"),
        (Literal[True, False, "a"], 1, "x: must be True, False or 'a', got 1"),
        (Literal[True, False, "a"], 0.0, "x: must be True, False or 'a', got 0.0"),
        (Literal["a", "b"], "c", "x: must be 'a' or 'b', got 'c'"),
        (Color, "blue", "x: must be 'red', got 'blue'"),
        (int | str, 1.5, "x: must be a whole number or text, got 1.5; put it in quotes"),
        (tuple[int, ...], 3, "x: must be a list, got 3"),
        (tuple[int, ...], "12", "x: must be a list, got '12'"),
        (tuple[int, int], [1], "x[1]: is missing and has no default"),
        (tuple[int, int], [1, 2, 3], "x: must have at most 2 items, got [1, 2, 3]"),
        (dict[str, int], [1], "x: must be a block of keys, got [1]"),
        (Inner, 1, "x: must be a block of keys, got 1"),
        (Inner, {"low": 2}, "x.low: must be at most 1, got 2"),
        (Path, 3, "x: must be a path, got 3"),
    ],
)
def test_a_wrong_value_is_refused(annotation: Any, value: Any, line: str) -> None:
    assert refusals(annotation, value) == [line]


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        (Share, [0, 0.5, 0.999], [-0.1, 1, math.nan]),
        (OpenShare, [0.001, 0.999], [0, 1]),
        (Fraction, [0.001, 1], [0, 1.1]),
        (UnitInterval, [0, 1], [-0.1, 1.1]),
        (ModelName, ["a", "A-1_b.c", "a" * 200], ["", "a/b", "-a", "a" * 201, "ä"]),
    ],
)
def test_the_ends_of_a_range_are_in_it_or_not(annotation: Any, good: list[Any], bad: list[Any]) -> None:
    assert [check_value(annotation, value) for value in good] == good
    for value in bad:
        (line,) = refusals(annotation, value)
        assert line.startswith("x: must be ")
        assert line.endswith(f"got {value!r}")


def test_all_problems_of_a_block_are_found_at_once() -> None:
    raw = {"seed": -1, "sizes": [1, "two"], "kind": "c", "inner": {"low": 7}, "nmes": []}
    assert {line.split(":")[0] for line in refusals(Outer, raw)} == {
        "x.seed",
        "x.sizes[1]",
        "x.kind",
        "x.inner.low",
        "x.nmes",
    }


def test_a_missing_field_without_default_is_named() -> None:
    assert refusals(Outer, {}) == ["x.seed: is missing and has no default"]


def test_a_block_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Inner().low = 1.0


def test_a_replaced_value_is_checked_and_set_explicitly_and_the_others_stay() -> None:
    outer = Outer(seed=1, sizes=(2,)).with_fields_set({"sizes"})
    changed = outer.replace(limit=3)
    assert changed == Outer(seed=1, sizes=(2,), limit=3)
    assert changed.model_fields_set == {"sizes", "limit"}
    assert outer.model_fields_set == {"sizes"}
    with pytest.raises(ValueError, match="^seed: must be .*; sed: unknown key, did you mean 'seed'\\?$"):
        outer.replace(seed=-1, sed=2)


def test_what_was_set_explicitly_survives_copies_to_other_processes() -> None:
    outer = Outer(seed=1, inner=Inner(low=0.1).with_fields_set(())).with_fields_set({"inner"})
    for copied in (pickle.loads(pickle.dumps(outer)), copy.deepcopy(outer)):  # noqa: S301 - our own
        assert copied == outer
        assert (copied.model_fields_set, copied.inner.model_fields_set) == ({"inner"}, set())


def test_a_field_can_be_read_as_from_a_dict() -> None:
    assert Outer(seed=3)["seed"] == 3
    with pytest.raises(KeyError, match="nodes"):
        Outer(seed=3)["nodes"]
