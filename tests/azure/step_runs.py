"""Run one step of a compiled pipeline, and look at what it did."""

from __future__ import annotations

import os
import re
import sys
import time
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from tests.azure.compiled_pipeline import AssetReference, Input, Step, StepOutput
from tests.azure.data_assets import DataAssets
from tests.azure.folder_state import hash_folder, is_empty, make_read_only
from tests.azure.node_image import image_variables
from tests.azure.rank_processes import plan_launches, run_launches
from tests.azure.snapshots import Snapshots
from tests.azure.step_tracking import StepTracking

_PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
MOST_OUTPUTS = 20
_PLACE = re.compile(r"\$\{\{(inputs|outputs)\.([^}]+)\}\}")


@dataclass(frozen=True)
class StepResult:
    """How a step went."""

    name: str
    seconds: float
    return_codes: tuple[int, ...]
    """Of `mpirun`, of every pytorch rank, or of the one process."""
    empty_outputs: tuple[str, ...]
    modified_inputs: tuple[str, ...]
    logs: tuple[Path, ...]

    @property
    def succeeded(self) -> bool:
        return not any(self.return_codes) and not self.modified_inputs


class StepError(RuntimeError):
    """A step failed; the message ends with the end of its log.

    Attributes:
        result: How it went, if it was started at all.
    """

    def __init__(self, message: str, result: StepResult | None = None) -> None:
        super().__init__(message)
        self.result = result


@dataclass(frozen=True)
class Workplace:
    """What all steps of a run share."""

    folder: Path
    assets: DataAssets
    snapshots: Snapshots
    environment: Mapping[str, str]
    tracking: StepTracking | None
    timeout_s: float
    stop: Event
    preloaded: Path | None
    clean: Collection[str]

    def output(self, step: str, name: str) -> Path:
        return self.folder / "outputs" / step / name


def run_step(step: Step, workplace: Workplace) -> StepResult:
    """Run a step in a clean environment, on inputs that are there and stay as they are.

    Raises:
        StepError: If an input is empty or missing, is changed by the step, or a process fails.
    """
    if len(step.outputs) > MOST_OUTPUTS:
        raise StepError(f"{step.name} has {len(step.outputs)} outputs; a run of Azure ML has {MOST_OUTPUTS} at most")
    inputs = {name: _locate(source, workplace) for name, source in step.inputs.items()}
    folders = {name: path for name, path in inputs.items() if isinstance(path, Path)}
    for name, path in folders.items():
        if is_empty(path):
            raise StepError(f"{step.name}: DataAccessError: its input {name} ({path}) is empty")
    outputs = {name: workplace.output(step.name, name) for name in step.outputs}
    for path in outputs.values():
        path.mkdir(parents=True)
    before = {name: hash_folder(path) for name, path in folders.items()}
    places: dict[str, Mapping[str, Path | str]] = {"inputs": inputs, "outputs": outputs}
    command = _PLACE.sub(lambda match: str(places[match[1]][match[2]]), step.command)
    start = time.monotonic()
    codes, logs = _run(step, command, workplace)
    result = StepResult(
        step.name,
        time.monotonic() - start,
        codes,
        tuple(name for name, path in outputs.items() if is_empty(path)),
        tuple(name for name, path in folders.items() if hash_folder(path) != before[name]),
        logs,
    )
    if not result.succeeded:
        raise StepError(_describe(result), result)
    _hand_on(step, outputs, workplace)
    return result


def _locate(source: Input, workplace: Workplace) -> Path | str:
    if isinstance(source, StepOutput):
        return workplace.output(source.step, source.output)
    if isinstance(source, AssetReference):
        try:
            return workplace.assets.find(source.text)
        except LookupError as error:
            raise StepError(str(error)) from error
    return source


def _run(step: Step, command: str, workplace: Workplace) -> tuple[tuple[int, ...], tuple[Path, ...]]:
    logs = workplace.folder / "logs" / step.name
    logs.mkdir(parents=True)
    codes = [workplace.snapshots.copy_for(step.name, node, step.code) for node in range(step.nodes)]
    tracked = workplace.tracking.start(step.name) if workplace.tracking else {}
    environment = {**_clean_environment(step, workplace), **tracked, **workplace.environment, **step.environment}
    # Every submission has a name of its own; where there is a tracking server, a step's is that of its run.
    environment["AZUREML_RUN_ID"] = tracked.get("MLFLOW_RUN_ID", f"{step.name}_{uuid.uuid4().hex[:12]}")
    launches = plan_launches(step, command, codes, environment, logs)
    return_codes = run_launches(launches, workplace.timeout_s, workplace.stop)
    if workplace.tracking:
        refused = workplace.tracking.end(tracked, succeeded=not any(return_codes))
        if refused:
            raise StepError(f"{step.name}: Azure ML's tracking would refuse {'; '.join(refused)}")
    return return_codes, tuple(launch.log for launch in launches)


def _clean_environment(step: Step, workplace: Workplace) -> dict[str, str]:
    home = workplace.folder / "home"
    home.mkdir(exist_ok=True)
    first = [str(workplace.preloaded)] if workplace.preloaded and step.name not in workplace.clean else []
    return {**image_variables(), "PATH": os.pathsep.join([*first, _PATH]), "HOME": str(home), "LANG": "C.UTF-8"}


def _hand_on(step: Step, outputs: Mapping[str, Path], workplace: Workplace) -> None:
    for name, path in outputs.items():
        asset = step.outputs[name]
        if asset and not is_empty(path):
            make_read_only(workplace.assets.add(asset, path))
        make_read_only(path)


def _describe(result: StepResult) -> str:
    if result.modified_inputs:
        return f"{result.name} changed its inputs {', '.join(result.modified_inputs)}, which are read-only"
    # Of several ranks, the one that failed by itself says why.
    codes = dict(zip(result.logs, result.return_codes, strict=True))
    log = min(codes, key=lambda path: (codes[path] == 0, codes[path] < 0))
    # Of a progress bar, what it showed last.
    lines = [line.rpartition("\r")[2] for line in log.read_bytes().decode(errors="replace").rstrip().split("\n")]
    return "\n".join([f"{result.name} ended with {result.return_codes}; the end of {log}:", *lines[-30:]])
