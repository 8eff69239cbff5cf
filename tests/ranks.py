"""Start the ranks of a distributed job as processes on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys


def rank_environment(count: int) -> list[dict[str, str]]:
    """The environment of each rank, as torchrun sets it."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    common = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1"}
    common |= {"MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    return [{**os.environ, **common, "RANK": str(number), "LOCAL_RANK": str(number)} for number in range(count)]


def launch(code: str, count: int, *arguments: str, timeout_s: float = 120) -> None:
    """Run Python code on so many ranks, and wait for all of them to succeed."""
    environments = rank_environment(count) if count > 1 else [{**os.environ, "OMP_NUM_THREADS": "1"}]
    processes = [
        subprocess.Popen([sys.executable, "-c", code, *arguments], env=environment, stderr=subprocess.PIPE, text=True)
        for environment in environments
    ]
    for process in processes:
        error = process.communicate(timeout=timeout_s)[1]
        assert process.returncode == 0, error[-4000:]
