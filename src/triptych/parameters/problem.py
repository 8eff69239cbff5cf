"""What is wrong with the parameters, in the user's words."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeGuard

from pydantic import BaseModel, ValidationError

_MUST = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text",
    "path_type": "must be a path",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a block of keys",
    "model_type": "must be a block of keys",
}
_SHORTER = {
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "greater than": "above",
    "less than": "below",
}


@dataclass(frozen=True)
class Problem:
    """One wrong, unknown or missing parameter."""

    key: str
    """Full dotted key, such as `faq.split.test_share`."""
    message: str
    """What is wrong, and what would be right."""
    source: str = ""
    """Where the value comes from: `conf/base/faq/parameters.yml:12`, `--params`, or unknown."""

    def __str__(self) -> str:
        """Return one line: key, message and source."""
        return f"{self.key}: {self.message}" + (f" ({self.source})" if self.source else "")


class ParametersError(ValueError):
    """The parameters of a run are wrong; the message lists every problem, one a line."""

    def __init__(self, problems: list[Problem]) -> None:
        """Keep the problems.

        Args:
            problems: At least one.
        """
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{count} in the parameters, nothing was run:\n{lines}")


def list_problems(error: ValidationError, annotation: Any, value: Any, key: str = "") -> list[Problem]:
    """Say what pydantic found in a line a key.

    Args:
        error: What it raised.
        annotation: The type it checked: a block, or a type that holds blocks.
        value: The value it checked.
        key: The value's full dotted key.

    Returns:
        A problem for each key; where several types would do (`int | str`), one that names them all.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for detail in error.errors(include_url=False):
        found.setdefault(_place(detail, value, key), []).append(detail)
    return [Problem(place, _message(details, annotation)) for place, details in found.items()]


def suggest(wrong: str, valid: Iterable[str]) -> str:
    """Say which valid name was probably meant.

    Args:
        wrong: The unknown name.
        valid: All names that would be right.

    Returns:
        A clause to append to a message, naming the closest or else all valid names; empty if there are none.
    """
    names = sorted(valid)
    if match := closest(wrong, names):
        return f", did you mean '{match}'?"
    return f", known here: {', '.join(names)}" if names else ""


def closest(wrong: str, valid: Iterable[str]) -> str | None:
    """Return the valid name that is most like a wrong one, if any is."""
    return next(iter(get_close_matches(wrong, sorted(valid), n=1)), None)


def _place(detail: Mapping[str, Any], value: Any, key: str) -> str:
    """Write where an error is as a dotted key, without the names that pydantic gives to the arms of a union."""
    for part in detail["loc"]:
        entries = dict(enumerate(value)) if isinstance(value, list | tuple) else value
        if isinstance(entries, Mapping) and part in entries:
            value = entries[part]
        elif detail["type"] != "missing":
            continue
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else str(part)
    return key


def _message(details: list[Mapping[str, Any]], annotation: Any) -> str:
    kind, given, location = details[0]["type"], details[0]["input"], details[0]["loc"]
    if kind == "missing":
        return "is missing and has no default"
    if kind == "extra_forbidden":
        return f"unknown key{suggest(str(location[-1]), _known_names(annotation, location[:-1]))}"
    first, *others = dict.fromkeys(_requirement(detail) for detail in details)
    text = " or ".join([first, *(other.removeprefix("must be ") for other in others)])
    if kind == "value_error" and isinstance(given, Mapping):
        return text  # of a whole block
    is_unquoted = isinstance(given, int | float) and any(detail["type"] == "string_type" for detail in details)
    return f"{text}, got {given!r}" + ("; put it in quotes" if is_unquoted else "")


def _requirement(detail: Mapping[str, Any]) -> str:
    """Say what a value must be, in fewer words than pydantic."""
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    if detail["type"] in _MUST:
        return _MUST[detail["type"]]
    said = str(detail["msg"]).partition(" after validation")[0]
    for long, short in _SHORTER.items():
        said = said.replace(long, short)
    must = said.partition(" should ")[2]
    return f"must {must}" if must else said


def _known_names(annotation: Any, path: Iterable[int | str]) -> Iterable[str]:
    """List the fields of the block at a place."""
    for part in path:
        block = find_block(annotation)
        # Anything else is the number or name of an entry, whose type stands in the annotation as it is.
        if block is not None and part in block.model_fields:
            annotation = block.model_fields[str(part)].annotation
    block = find_block(annotation)
    return block.model_fields if block is not None else ()


def is_block(annotation: Any) -> TypeGuard[type[BaseModel]]:
    """Tell whether an annotation is a block; Python 3.10 takes `dict[str, int]` for a class as well."""
    return isinstance(annotation, type) and typing.get_origin(annotation) is None and issubclass(annotation, BaseModel)


def find_block(annotation: Any) -> type[BaseModel] | None:
    """Return the first block in a type: itself, or that of its entries."""
    if is_block(annotation):
        return annotation
    found = (find_block(argument) for argument in typing.get_args(annotation))
    return next((block for block in found if block is not None), None)
