"""What ranks agree on that do not talk: rank 0 writes it into the folder they share, the others read it."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from triptych.distributed import rank, world_size
from triptych.storage import mirrors
from triptych.video.stylizing.store import write_json

_logger = logging.getLogger(__name__)
_JOB_NAMES = ("AZUREML_RUN_ID", "PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid", "SLURM_JOB_ID")
_POLL_S = 0.2


def agree(folder: Path, topic: str, decide: Callable[[], dict[str, Any]], patience_s: float = 1800) -> dict[str, Any]:
    """Let rank 0 decide, and give every rank its decision.

    Args:
        folder: A folder that all ranks see, or that stands for the same one in blob storage on each.
        topic: What it is about; with the name of the job it names the file.
        decide: Called on rank 0 alone, unless this job has already decided.
        patience_s: How long the other ranks wait.

    Raises:
        TimeoutError: If rank 0 does not decide in time.
    """
    if world_size() == 1:
        return decide()
    path = folder / f"agreed-{_job_name()}-{topic}.json"
    if rank() == 0:
        # A rank 0 that was restarted keeps to what the others have read.
        decision = _read(path)
        if decision is None:
            decision = decide()
            write_json(path, decision)
        return decision
    return _wait(path, patience_s)


def _wait(path: Path, patience_s: float) -> dict[str, Any]:
    end = time.monotonic() + patience_s
    while (decision := _read(path)) is None:
        if time.monotonic() > end:
            raise TimeoutError(
                f"rank {rank()} waited {patience_s:g} s for rank 0 to write {path}: see whether rank 0 failed, "
                "and whether all ranks see this folder"
            )
        time.sleep(_POLL_S)
    return decision


def _read(path: Path) -> dict[str, Any] | None:
    mirrors.pull(path)
    try:
        decision: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return decision


def _job_name() -> str:
    for name in _JOB_NAMES:
        if value := os.environ.get(name):
            return "".join(letter if letter.isalnum() else "_" for letter in value)
    raise ValueError(f"{world_size()} ranks need one of {', '.join(_JOB_NAMES)} in the environment to tell jobs apart")
