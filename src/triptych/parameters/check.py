"""Check every parameter against the type of the node argument it ends in."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError
from pydantic.errors import PydanticUserError

from triptych.parameters.base import Params, check_value
from triptych.parameters.problem import Problem, find_block, list_problems
from triptych.parameters.unknown import UnknownKeys

if TYPE_CHECKING:
    # Models are served without Kedro, and their settings are parameters too.
    from kedro.pipeline import Node, Pipeline

MISSING: Any = object()
"""Stands for a key that is not there."""
_PREFIX = "params:"


class CheckedParameters(NamedTuple):
    """What became of the parameters of a run."""

    values: dict[str, Any]
    """Typed values by dotted key of their block, without those that could not be built."""
    problems: list[Problem]
    """What is wrong, sorted by key."""
    warnings: list[Problem]
    """What no node takes but may be there, sorted by key."""


def parameter_blocks(pipelines: Mapping[str, Pipeline]) -> dict[str, Any]:
    """List the parameters the nodes take, with their annotated types.

    Args:
        pipelines: Pipelines by name.

    Returns:
        Annotations by dotted key (`faq.split`), sorted; Any where a node says nothing, and where it says less of its
        argument (`dict`) than another node does of the same parameter.

    """
    return {key: annotations[0] for key, annotations in _annotations(pipelines).items()}


def _annotations(pipelines: Mapping[str, Pipeline]) -> dict[str, list[Any]]:
    """List all that the nodes say of each parameter: a block first, what says nothing last."""
    said: dict[str, list[Any]] = {}
    for pipeline in pipelines.values():
        for node in pipeline.nodes:
            for key, annotation in node_parameters(node):
                known = said.setdefault(key, [])
                if annotation not in known:
                    known.append(annotation)
    for known in said.values():
        known.sort(key=lambda annotation: (find_block(annotation) is None, _is_open(annotation)))
    return dict(sorted(said.items()))


def build_parameters(
    parameters: Mapping[str, Any],
    pipelines: Mapping[str, Pipeline],
    runtime: Mapping[str, Any] | None = None,
    runtime_names: Collection[str] | None = (),
    explicit: Collection[str] = (),
) -> CheckedParameters:
    """Build the typed value of every parameter block and note every problem.

    Args:
        parameters: The merged parameters of a run, `--params` included.
        pipelines: All pipelines of the project: a block none of them takes is unknown.
        runtime: What was given by `--params`.
        runtime_names: Top-level names `--params` may carry because the configuration reads them
            (`${runtime_params:NAME}`); None allows any.
        explicit: Dotted keys of what the user set; they alone are in the blocks' `model_fields_set`.
    """
    said = _annotations(pipelines)
    blocks = {key: annotations[0] for key, annotations in said.items()}
    everything = any("parameters" in node.inputs for pipeline in pipelines.values() for node in pipeline.nodes)
    problems, warnings = UnknownKeys(blocks, everything, runtime or {}, runtime_names).find(parameters)
    values: dict[str, Any] = {}
    empty = {key for key in _empty_keys(parameters) if _is_needed(key, blocks)}
    problems = [problem for problem in problems if problem.key not in empty]
    problems += [Problem(key, "is empty: remove the key, or fill it") for key in empty]
    for key, annotation in blocks.items():
        if _is_within_another(key, blocks) or key in empty or _is_cut_off(parameters, key):
            continue
        value = look_up(parameters, key)
        if value is MISSING:
            if find_block(annotation):  # Kedro itself names others, if their pipeline runs
                problems.append(Problem(key, "is missing; the parameters file of its workload must hold it"))
            continue
        for other in reversed(said[key]):  # the first is the one whose value is taken
            built, found = _build(other, value, key)
            problems += found
            if not found:
                values[key] = _mark_explicit(built, key, frozenset(explicit))
    return CheckedParameters(values, sorted(set(problems), key=str), sorted(set(warnings), key=str))


def _empty_keys(parameters: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in parameters.items():
        if value is None:
            yield f"{prefix}{name}"
        elif isinstance(value, Mapping):
            yield from _empty_keys(value, f"{prefix}{name}.")


def _is_needed(key: str, blocks: Mapping[str, Any]) -> bool:
    """Tell whether a key is a block, or holds one, and no node does without it (`Settings | None`)."""
    within = [name for name in blocks if name == key or name.startswith(f"{key}.")]
    return any(find_block(blocks[name]) for name in within) and type(None) not in typing.get_args(blocks.get(key))


def _is_cut_off(parameters: Mapping[str, Any], key: str) -> bool:
    """Tell whether a number, text or nothing is in the place of a block around a key; that is a problem of its own."""
    names = key.split(".")
    above = (look_up(parameters, ".".join(names[:count])) for count in range(1, len(names)))
    return any(value is not MISSING and not isinstance(value, Mapping) for value in above)


def look_up(parameters: Mapping[str, Any], key: str) -> Any:
    """Find a value in nested parameters.

    Args:
        parameters: Nested parameters.
        key: Dotted key.

    Returns:
        The value, or MISSING.
    """
    value: Any = parameters
    for name in key.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return MISSING
        value = value[name]
    return value


def node_parameters(node: Node) -> Iterator[tuple[str, Any]]:
    """Yield key and annotation of each parameter of a node."""
    inputs = node._inputs  # the only place that keeps which input goes to which argument
    try:
        hints = typing.get_type_hints(node.func)
        names = list(inspect.signature(node.func).parameters)
    except (TypeError, ValueError, NameError):  # a builtin, a partial, a name that is imported for type checkers only
        hints, names = {}, []
    if isinstance(inputs, dict):
        pairs = [(dataset, argument) for argument, dataset in inputs.items()]
    else:
        datasets = [inputs] if isinstance(inputs, str) else list(inputs or [])
        pairs = list(itertools.zip_longest(datasets, names[: len(datasets)], fillvalue=""))
    for dataset, argument in pairs:
        if dataset.startswith(_PREFIX):
            yield dataset.removeprefix(_PREFIX), hints.get(argument, Any)


def _is_open(annotation: Any) -> bool:
    """Tell whether an annotation says nothing of what is inside: Any, dict, list."""
    return annotation is Any or (typing.get_origin(annotation) or annotation) in (object, dict, list, Mapping, Sequence)


def _is_within_another(key: str, blocks: Mapping[str, Any]) -> bool:
    """Tell whether a parameter is a field of a block that another node takes, which is checked as a whole."""
    return any(key.startswith(f"{outer}.") and find_block(blocks[outer]) for outer in blocks)


def _check(annotation: Any, value: Any) -> Any:
    """Check a value; what pydantic does not know or take here (TypedDict), and dataclasses, are left to Kedro."""
    if annotation is Any or dataclasses.is_dataclass(annotation) or typing.get_origin(annotation) is Iterable:
        return value  # pydantic would make an iterator of a list that is to be iterated
    try:
        return check_value(annotation, value)
    except PydanticUserError:
        return value


def _build(annotation: Any, value: Any, key: str) -> tuple[Any, list[Problem]]:
    try:
        return _check(annotation, value), []
    except ValidationError as error:
        return None, list_problems(error, annotation, value, key)


def _mark_explicit(value: Any, key: str, explicit: Collection[str]) -> Any:
    """Copy blocks, with those fields in their `model_fields_set` that were set explicitly."""
    if isinstance(value, Params):
        fields = {name: _mark_explicit(item, f"{key}.{name}", explicit) for name, item in value}
        names = {name for name in fields if f"{key}.{name}" in explicit or _is_of_reference(key, explicit)}
        return type(value).model_construct(_fields_set=names, **fields)
    if isinstance(value, dict):
        return {name: _mark_explicit(item, f"{key}.{name}", explicit) for name, item in value.items()}
    if isinstance(value, list | tuple) and key not in explicit:  # lists are not merged: all of it is, or nothing
        items = [_mark_explicit(item, key, ()) for item in value]
        return type(value)(items) if type(value) in (list, tuple) else type(value)(*items)  # a named tuple
    return value


def _is_of_reference(key: str, explicit: Collection[str]) -> bool:
    """Tell whether a block, or one around it, was set as a whole."""
    names = key.split(".")
    return any(f"{'.'.join(names[:count])}.*" in explicit for count in range(1, len(names) + 1))
