"""Check every parameter against the type of the node argument it ends in."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from triptych.parameters.build import BAD, build, field_types, suggest
from triptych.parameters.problem import Problem

if TYPE_CHECKING:
    # Models are served without Kedro, and check the ranges of their parameters too.
    from kedro.pipeline import Pipeline
    from kedro.pipeline.node import Node

MISSING: Any = object()
"""Stands for a key that is not there."""
_PREFIX = "params:"


def parameter_blocks(pipelines: Mapping[str, Pipeline]) -> dict[str, Any]:
    """List the parameters the nodes take, with their annotated types.

    Args:
        pipelines: Pipelines by name.

    Returns:
        Annotations by dotted key (`faq.split`), sorted; Any where a node says nothing.

    Raises:
        TypeError: If two nodes annotate one parameter differently.
    """
    blocks: dict[str, Any] = {}
    for pipeline in pipelines.values():
        for node in pipeline.nodes:
            for key, annotation in _node_parameters(node):
                if blocks.setdefault(key, annotation) != annotation:
                    raise TypeError(f"params:{key} is annotated with {blocks[key]} and {annotation}")
    return dict(sorted(blocks.items()))


def build_parameters(
    parameters: Mapping[str, Any],
    pipelines: Mapping[str, Pipeline],
    runtime: Mapping[str, Any] | None = None,
    runtime_names: Collection[str] | None = (),
) -> tuple[dict[str, Any], list[Problem]]:
    """Build the typed value of every parameter block and note every problem.

    Args:
        parameters: The merged parameters of a run, `--params` included.
        pipelines: All pipelines of the project: a block none of them takes is unknown.
        runtime: What was given by `--params`.
        runtime_names: Top-level names `--params` may carry because the configuration reads them
            (`${runtime_params:NAME}`); None allows any.

    Returns:
        Typed values by dotted key of their block, without those that could not be built, and the problems.
    """
    blocks = parameter_blocks(pipelines)
    problems = list(_unknown_keys(parameters, blocks, runtime or {}, runtime_names))
    values: dict[str, Any] = {}
    for key, annotation in blocks.items():
        value = look_up(parameters, key)
        if value is MISSING:
            problems.append(Problem(key, "is missing; the parameters file of its workload must hold it"))
        elif (built := build(annotation, value, key, problems)) is not BAD:
            values[key] = built
    return values, sorted(set(problems), key=str)


def check_parameters(
    parameters: Mapping[str, Any],
    pipelines: Mapping[str, Pipeline],
    runtime: Mapping[str, Any] | None = None,
    runtime_names: Collection[str] | None = (),
) -> list[Problem]:
    """List everything that is wrong with the parameters.

    Args:
        parameters: As in `build_parameters`.
        pipelines: As in `build_parameters`.
        runtime: As in `build_parameters`.
        runtime_names: As in `build_parameters`.

    Returns:
        The problems sorted by key, empty if all is well.
    """
    return build_parameters(parameters, pipelines, runtime, runtime_names)[1]


def _node_parameters(node: Node) -> Iterator[tuple[str, Any]]:
    """Yield key and annotation of each parameter of a node."""
    inputs = node._inputs  # the only place that keeps which input goes to which argument
    hints = typing.get_type_hints(node.func)
    names = list(inspect.signature(node.func).parameters)
    if isinstance(inputs, dict):
        pairs = [(dataset, argument) for argument, dataset in inputs.items()]
    else:
        datasets = [inputs] if isinstance(inputs, str) else list(inputs or [])
        pairs = list(zip(datasets, names, strict=False))
    for dataset, argument in pairs:
        if dataset.startswith(_PREFIX):
            yield dataset.removeprefix(_PREFIX), hints.get(argument, Any)


def _unknown_keys(
    parameters: Mapping[str, Any],
    blocks: Mapping[str, Any],
    runtime: Mapping[str, Any],
    runtime_names: Collection[str] | None,
    prefix: str = "",
) -> Iterator[Problem]:
    """Yield a problem for each key that leads to no block; what is inside a block, the block checks."""
    for name, value in parameters.items():
        key = f"{prefix}{name}"
        if key in blocks:
            continue
        if any(block.startswith(f"{key}.") for block in blocks):
            if isinstance(value, Mapping):
                yield from _unknown_keys(value, blocks, runtime, runtime_names, f"{key}.")
            else:
                yield Problem(key, f"must be a block of keys, got {value!r}")
        elif prefix or name not in runtime:
            if not prefix and name in (runtime_names or ()):
                message = "has no effect in a parameters file; give it by --params or set it in globals.yml"
                yield Problem(key, message)
            else:
                yield Problem(key, f"unknown key{_nearest(key, blocks, prefix)}")
        elif runtime_names is not None and name not in runtime_names:
            yield Problem(key, f"unknown key{_nearest(key, blocks, prefix, runtime_names)}")


def _nearest(key: str, blocks: Mapping[str, Any], prefix: str, runtime_names: Collection[str] = ()) -> str:
    """Suggest a sibling, or else the place where a key of that name belongs."""
    siblings = {block[len(prefix) :].split(".")[0] for block in blocks if block.startswith(prefix)}
    name = key[len(prefix) :]
    elsewhere = [full for full in _leaves(blocks) if full.endswith(f".{name}")]
    if elsewhere:
        return f", did you mean '{elsewhere[0]}'?"
    return suggest(name, siblings | set(runtime_names))


def _leaves(blocks: Mapping[str, Any]) -> Iterator[str]:
    for key, annotation in blocks.items():
        yield key
        if dataclasses.is_dataclass(annotation):
            yield from (f"{key}.{name}" for name in field_types(typing.cast(type, annotation)))


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
