"""Turn what YAML gives (dicts, lists, numbers, text) into the annotated type, noting every problem.

Kedro's own step from a dict to a dataclass is `Dataclass(**values)`: no type is checked, nested
dataclasses stay dicts and tuples stay lists, and the first error ends it.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union

from triptych.parameters.problem import Problem

BAD: Any = object()
"""Stands for a value that could not be built."""

_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path"}


def build(annotation: Any, value: Any, key: str, problems: list[Problem]) -> Any:
    """Build a value of an annotated type.

    Args:
        annotation: bool, int, float, str, Path, an Enum, Literal, X | Y, tuple, list, dict, a
            dataclass of such, or Any.
        value: What the configuration holds.
        key: The value's full dotted key.
        problems: Every problem found is appended here.

    Returns:
        The built value, or BAD if it could not be built.
    """
    origin = typing.get_origin(annotation)
    if annotation is Any:
        return value
    if dataclasses.is_dataclass(annotation):
        return _build_dataclass(typing.cast(type, annotation), value, key, problems)
    if origin in (Union, types.UnionType):
        return _build_union(annotation, value, key, problems)
    if origin is Literal:
        return _build_choice({choice: choice for choice in typing.get_args(annotation)}, value, key, problems)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _build_choice({member.value: member for member in annotation}, value, key, problems)
    if origin in (tuple, list):
        return _build_sequence(annotation, value, key, problems)
    if origin is dict:
        return _build_mapping(annotation, value, key, problems)
    return _build_scalar(annotation, value, key, problems)


def type_name(annotation: Any) -> str:
    """Name a type as a user would write it, such as `int | None` or `tuple[float, ...]`.

    Args:
        annotation: A type annotation.

    Returns:
        Its name without module paths.
    """
    if annotation is types.NoneType:
        return "None"
    if isinstance(annotation, type) and typing.get_origin(annotation) is None:
        return annotation.__name__
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", str(annotation))


def suggest(wrong: str, valid: Iterable[str]) -> str:
    """Say which valid name was probably meant.

    Args:
        wrong: The unknown name.
        valid: All names that would be right.

    Returns:
        A clause to append to a message, naming the closest or else all valid names; empty if there are none.
    """
    names = sorted(valid)
    if matches := get_close_matches(wrong, names, n=1):
        return f", did you mean '{matches[0]}'?"
    return f", known here: {', '.join(names)}" if names else ""


def field_types(block: type) -> dict[str, Any]:
    """List the fields a parameter block accepts.

    Args:
        block: A dataclass.

    Returns:
        Resolved annotations by field name, in order of definition.
    """
    hints = typing.get_type_hints(block)
    return {field.name: hints[field.name] for field in dataclasses.fields(block) if field.init}


def _build_dataclass(block: type, value: Any, key: str, problems: list[Problem]) -> Any:
    if isinstance(value, block):
        return value
    if not isinstance(value, Mapping):
        problems.append(Problem(key, f"must be a block of keys, got {value!r}"))
        return BAD
    annotations = field_types(block)
    unknown = [
        Problem(f"{key}.{name}", f"unknown key{suggest(str(name), annotations)}")
        for name in value.keys() - annotations.keys()
    ]
    problems += unknown
    built = {
        name: build(annotation, value[name], f"{key}.{name}", problems)
        for name, annotation in annotations.items()
        if name in value
    }
    required = {field.name for field in dataclasses.fields(block) if field.init and _is_required(field)}
    for name in required - built.keys():
        problems.append(Problem(f"{key}.{name}", "is missing and has no default"))
        built[name] = BAD
    result = _construct(block, built, required, key, problems)
    return BAD if unknown else result


def _construct(block: type, built: dict[str, Any], required: set[str], key: str, problems: list[Problem]) -> Any:
    """Call the dataclass; after a range error try again with that field's default, to find the next one."""
    failed = False
    while True:
        good = {name: value for name, value in built.items() if value is not BAD}
        if required - good.keys():
            return BAD
        try:
            result = block(**good)
        except (ValueError, TypeError) as error:
            name = _named_field(str(error), good)
            problems.append(Problem(f"{key}.{name}" if name else key, str(error)))
            failed = True
            if name is None:
                return BAD
            built[name] = BAD
        else:
            return BAD if failed or len(good) < len(built) else result


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _named_field(message: str, names: Iterable[str]) -> str | None:
    """Return the field a range error speaks of: the first of the given names in the message."""
    known = set(names)
    return next((word for word in re.findall(r"\w+", message) if word in known), None)


def _build_union(annotation: Any, value: Any, key: str, problems: list[Problem]) -> Any:
    arms = [arm for arm in typing.get_args(annotation) if arm is not types.NoneType]
    if value is None and len(arms) < len(typing.get_args(annotation)):
        return None
    if len(arms) == 1:
        return build(arms[0], value, key, problems)
    # An exact match first, so that 3 stays an int where int | float is allowed.
    for arm in sorted(arms, key=lambda arm: type(value) is not arm):
        attempt: list[Problem] = []
        result = build(arm, value, key, attempt)
        if not attempt:
            return result
    problems.append(Problem(key, f"must be {type_name(annotation)}, got {value!r}"))
    return BAD


def _build_choice(choices: dict[Any, Any], value: Any, key: str, problems: list[Problem]) -> Any:
    for choice, result in choices.items():
        if type(choice) is type(value) and choice == value:
            return result
    allowed = ", ".join(repr(choice) for choice in choices)
    problems.append(Problem(key, f"must be one of {allowed}, got {value!r}"))
    return BAD


def _build_sequence(annotation: Any, value: Any, key: str, problems: list[Problem]) -> Any:
    origin: Callable[[Iterable[Any]], Any] = typing.get_origin(annotation) or list
    arguments = typing.get_args(annotation)
    if not isinstance(value, list | tuple):
        problems.append(Problem(key, f"must be a list ({type_name(annotation)}), got {value!r}"))
        return BAD
    if origin is list or arguments[-1] is Ellipsis:
        arguments = (arguments[0],) * len(value)
    if len(arguments) != len(value):
        problems.append(Problem(key, f"must have {len(arguments)} entries, got {len(value)}: {value!r}"))
        return BAD
    items = [
        build(argument, item, f"{key}[{place}]", problems)
        for place, (argument, item) in enumerate(zip(arguments, value, strict=True))
    ]
    return BAD if any(item is BAD for item in items) else origin(items)


def _build_mapping(annotation: Any, value: Any, key: str, problems: list[Problem]) -> Any:
    if not isinstance(value, Mapping):
        problems.append(Problem(key, f"must be a block of keys, got {value!r}"))
        return BAD
    name_type, item_type = typing.get_args(annotation)
    built = {
        build(name_type, name, f"{key}.{name}", problems): build(item_type, item, f"{key}.{name}", problems)
        for name, item in value.items()
    }
    return BAD if any(item is BAD for pair in built.items() for item in pair) else built


def _build_scalar(annotation: Any, value: Any, key: str, problems: list[Problem]) -> Any:
    if annotation not in _NAMES:
        raise TypeError(f"{key}: parameters can't be annotated with {annotation!r}")
    if annotation is float and type(value) is int:
        return float(value)
    if annotation is Path and isinstance(value, str):
        return Path(value)
    if type(value) is annotation:  # not isinstance: true is no number
        return value
    hint = "; put it in quotes" if annotation is str and isinstance(value, int | float) else ""
    problems.append(Problem(key, f"must be {_NAMES[annotation]}, got {value!r}{hint}"))
    return BAD
