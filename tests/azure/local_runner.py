"""Run a pipeline compiled by `kedro azureml compile` on this machine, the way Azure ML would.

python -m tests.azure.local_runner pipeline.yaml --work FOLDER --assets FOLDER [--asset NAME=PATH]
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from tests.azure.compiled_pipeline import Step, read_pipeline
from tests.azure.data_assets import DataAssets
from tests.azure.snapshots import Snapshots
from tests.azure.step_runs import StepError, StepResult, Workplace, run_step
from tests.azure.step_tracking import StepTracking

EXPERIMENT = "triptych"


@dataclass(frozen=True)
class PipelineRun:
    """A pipeline that went through."""

    steps: tuple[StepResult, ...]
    """In the order in which they ended."""
    outputs: Mapping[str, Path]
    """The folder of every output of every step."""


def run_pipeline(
    pipeline: Path,
    work: Path,
    assets: DataAssets,
    *,
    environment: Mapping[str, str] | None = None,
    tracking_uri: str | None = None,
    at_once: int = 1,
    timeout_s: float = 600,
    preloaded: Path | None = None,
    clean: Collection[str] = (),
) -> PipelineRun:
    """Run all steps.

    Args:
        pipeline: The compiled pipeline.
        work: Folder for snapshots, outputs and logs; must not hold a run already.
        assets: Data assets to read, and to add named outputs to.
        environment: What every step gets beside what Azure ML sets.
        tracking_uri: An MLflow tracking server; without it, steps know of none.
        at_once: Steps that may run at the same time.
        timeout_s: For each step.
        preloaded: Folder of programs that go before all others on the PATH.
        clean: Steps that do without them.

    Raises:
        StepError: For the first step that fails; steps at work are ended, later ones are not started.
        ValueError: If the pipeline cannot run in any order.
    """
    steps = read_pipeline(pipeline)
    (work / "outputs").mkdir(parents=True)
    tracking = StepTracking(tracking_uri, EXPERIMENT, work / "mlartifacts") if tracking_uri else None
    stop = Event()
    snapshots = Snapshots(work / "code")
    workplace = Workplace(work, assets, snapshots, environment or {}, tracking, timeout_s, stop, preloaded, clean)
    results: list[StepResult] = []
    with ThreadPoolExecutor(at_once) as pool:
        try:
            _run_all(steps, workplace, pool, results)
        finally:
            stop.set()
    outputs = {name: workplace.output(step.name, name) for step in steps for name in step.outputs}
    return PipelineRun(tuple(results), outputs)


def _run_all(steps: list[Step], workplace: Workplace, pool: ThreadPoolExecutor, results: list[StepResult]) -> None:
    waiting, running = list(steps), set[Future[StepResult]]()
    while waiting or running:
        done = {result.name for result in results}
        for step in [step for step in waiting if step.needs <= done]:
            waiting.remove(step)
            running.add(pool.submit(run_step, step, workplace))
        finished, running = wait(running, return_when=FIRST_COMPLETED)
        try:
            results.extend(future.result() for future in finished)
        except BaseException:
            for future in running:
                future.cancel()
            raise


def main() -> None:
    """Run a pipeline from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="for snapshots, outputs and logs")
    parser.add_argument("--assets", type=Path, required=True, help="data assets, as NAME/VERSION/")
    parser.add_argument("--asset", action="append", default=[], metavar="NAME=PATH", help="add a version first")
    parser.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="for every step")
    parser.add_argument("--mlflow", help="URI of a tracking server")
    parser.add_argument("--at-once", type=int, default=1, help="steps at the same time")
    options = parser.parse_args()
    assets = DataAssets(options.assets.resolve())
    for name, path in (asset.split("=", 1) for asset in options.asset):
        assets.add(name, Path(path))
    environment = dict(variable.split("=", 1) for variable in options.env)
    try:
        run = run_pipeline(
            options.pipeline,
            options.work.resolve(),
            assets,
            environment=environment,
            tracking_uri=options.mlflow,
            at_once=options.at_once,
        )
    except StepError as error:
        raise SystemExit(str(error)) from None
    for step in run.steps:
        empty = f"  empty: {', '.join(step.empty_outputs)}" if step.empty_outputs else ""
        print(f"{step.seconds:7.1f} s  {step.name}{empty}")


if __name__ == "__main__":
    main()
