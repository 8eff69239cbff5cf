"""A pipeline as `kedro azureml compile` writes it: its steps, and what each needs of the others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

_STEP_OUTPUT = re.compile(r"^\$\{\{parent\.jobs\.([^.}]+)\.outputs\.([^}]+)\}\}$")
_PIPELINE_OUTPUT = re.compile(r"^\$\{\{parent\.outputs\.([^}]+)\}\}$")


@dataclass(frozen=True)
class StepOutput:
    """What another step leaves."""

    step: str
    output: str


@dataclass(frozen=True)
class AssetReference:
    """A data asset, as `azureml:NAME@latest` or `azureml:NAME:VERSION`."""

    text: str


Input: TypeAlias = StepOutput | AssetReference | str
"""The third is a plain text, handed to the command as it is."""


@dataclass(frozen=True)
class Step:
    """A command job."""

    name: str
    command: str
    code: Path
    inputs: Mapping[str, Input] = field(default_factory=dict)
    outputs: Mapping[str, str | None] = field(default_factory=dict)
    """By name; the data asset each becomes a version of, if any."""
    environment: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""
    """`mpi`, `pytorch`, or nothing for a single process."""
    nodes: int = 1
    processes_per_node: int = 1

    @property
    def ranks(self) -> int:
        return self.nodes * self.processes_per_node

    @property
    def needs(self) -> set[str]:
        """Names of the steps whose outputs this one reads."""
        return {source.step for source in self.inputs.values() if isinstance(source, StepOutput)}


def read_pipeline(path: Path) -> list[Step]:
    """Read the steps in an order in which they can run.

    Raises:
        ValueError: If a step is not complete in the file, is of an unknown kind, or needs an output nobody leaves; or
            if steps wait for each other.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    pipeline_outputs = content.get("outputs") or {}
    steps = [_read_step(name, job, pipeline_outputs, path.parent) for name, job in content["jobs"].items()]
    _check_sources({step.name: step for step in steps})
    return _in_order(steps)


def _read_step(name: str, job: dict[str, Any], pipeline_outputs: dict[str, Any], folder: Path) -> Step:
    component = job.get("component", job)
    if not isinstance(component, dict):
        raise ValueError(f"{name}: its component is a reference, only one written out can run here")
    distribution = job.get("distribution") or component.get("distribution") or {}
    kind = str(distribution.get("type", "")).lower()
    if kind not in ("", "mpi", "pytorch"):
        raise ValueError(f"{name}: distribution {kind!r} is not known here, only mpi and pytorch")
    outputs = dict.fromkeys(component.get("outputs") or {}) | (job.get("outputs") or {})
    environment = {**(component.get("environment_variables") or {}), **(job.get("environment_variables") or {})}
    return Step(
        name=name,
        command=component["command"],
        code=folder / component["code"],
        inputs={key: _read_input(value) for key, value in (job.get("inputs") or {}).items()},
        outputs={key: _asset_of(value, pipeline_outputs) for key, value in outputs.items()},
        environment={key: str(value) for key, value in environment.items()},
        kind=kind,
        nodes=int((job.get("resources") or {}).get("instance_count") or 1),
        processes_per_node=int(distribution.get("process_count_per_instance") or 1),
    )


def _read_input(value: Any) -> Input:
    text = str(value["path"] if isinstance(value, dict) else value)
    if match := _STEP_OUTPUT.match(text):
        return StepOutput(match[1], match[2])
    return AssetReference(text) if isinstance(value, dict) else text


def _asset_of(output: Any, pipeline_outputs: dict[str, Any]) -> str | None:
    if isinstance(output, str) and (match := _PIPELINE_OUTPUT.match(output)):
        output = pipeline_outputs[match[1]]
    return output.get("name") if isinstance(output, dict) else None


def _check_sources(steps: dict[str, Step]) -> None:
    for step in steps.values():
        for name, source in step.inputs.items():
            if isinstance(source, StepOutput):
                maker = steps.get(source.step)
                if maker is None or source.output not in maker.outputs:
                    raise ValueError(f"{step.name}: no step {source.step} leaves {source.output} for its input {name}")


def _in_order(steps: list[Step]) -> list[Step]:
    ordered: list[Step] = []
    while len(ordered) < len(steps):
        done = {step.name for step in ordered}
        ready = [step for step in steps if step.name not in done and step.needs <= done]
        if not ready:
            raise ValueError(f"these wait for each other: {', '.join(s.name for s in steps if s.name not in done)}")
        ordered += ready
    return ordered
