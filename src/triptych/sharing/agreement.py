"""What ranks agree on that do not talk: rank 0 writes it into the folder they share, the others read it."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from triptych.distributed import are_torch_ranks, from_primary, is_primary, joined, rank, world_size
from triptych.storage import mirrors

# Of Azure ML, Open MPI (one a call of mpirun) and Slurm (whose jobs have steps, each a call of srun).
_JOB_NAMES = ("AZUREML_RUN_ID", "PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid", "SLURM_JOB_ID")
_STEP_NAMES = {"SLURM_JOB_ID": "SLURM_STEP_ID"}
_POLL_S = 0.2
_SIGN_S = 60.0


def agree(folder: Path, topic: str, decide: Callable[[], dict[str, Any]], patience_s: float = 1800) -> dict[str, Any]:
    """Let rank 0 decide, and give every rank its decision.

    Args:
        folder: A folder that all ranks see, or that stands for the same one in blob storage on each.
        topic: What it is about, all that the decision depends on; with the name of the job it names the file.
        decide: Called on rank 0 alone, unless this job has already decided.
        patience_s: How long the other ranks wait for a sign of rank 0, which gives one every minute.

    Raises:
        TimeoutError: If rank 0 neither decides nor gives a sign in time.
    """
    if world_size() == 1:
        return decide()
    if are_torch_ranks():  # torchrun's: they can talk
        with joined():
            decision: dict[str, Any] = from_primary(decide() if is_primary() else None)
            return decision
    path = folder / f"agreed-{_job_name()}-{topic}.json"
    if rank() == 0:
        # A rank 0 that was restarted keeps to what the others have read.
        found = _read(path)
        if found is None:
            with _giving_signs(_sign_of(path)):
                found = decide()
            mirrors.write(path, json.dumps(found))
        return found
    return _wait(path, patience_s)


def _sign_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}-working.json")


@contextmanager
def _giving_signs(path: Path) -> Iterator[None]:
    """Write another number into a file every minute, while the block lasts."""
    done = threading.Event()

    def sign() -> None:
        for number in itertools.count():
            mirrors.write(path, json.dumps({"sign": number}))
            if done.wait(_SIGN_S):
                return

    thread = threading.Thread(target=sign, name="signs", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _wait(path: Path, patience_s: float) -> dict[str, Any]:
    end, sign = time.monotonic() + patience_s, None
    while (decision := _read(path)) is None:
        if (latest := _read(_sign_of(path))) != sign:
            end, sign = time.monotonic() + patience_s, latest
        if time.monotonic() > end:
            raise TimeoutError(
                f"rank {rank()} waited {patience_s:g} s for rank 0 to write {path}: see whether rank 0 failed, "
                "and whether all ranks see this folder"
            )
        time.sleep(_POLL_S)
    return decision


def _read(path: Path) -> dict[str, Any] | None:
    text = mirrors.read(path)
    return None if text is None else json.loads(text)


def _job_name() -> str:
    for name in _JOB_NAMES:
        if value := os.environ.get(name):
            value += os.environ.get(_STEP_NAMES.get(name, ""), "")
            return "".join(letter if letter.isalnum() else "_" for letter in value)
    raise ValueError(f"{world_size()} ranks need one of {', '.join(_JOB_NAMES)} in the environment to tell jobs apart")
