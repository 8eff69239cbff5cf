"""Start the ranks of a distributed job as processes on this machine."""

from __future__ import annotations

import os
import socket
import subprocess


def rank_environment(count: int) -> list[dict[str, str]]:
    """The environment of each rank, as torchrun sets it."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    common = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1"}
    common |= {"MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    return [{**os.environ, **common, "RANK": str(number), "LOCAL_RANK": str(number)} for number in range(count)]


def start_ranks(command: list[str], count: int) -> list[subprocess.Popen[str]]:
    """Start a command on so many ranks."""
    return [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        for environment in rank_environment(count)
    ]


def launch(command: list[str], count: int, timeout_s: float = 120) -> None:
    """Run a command on so many ranks, and wait for all of them to succeed."""
    for process in start_ranks(command, count):
        error = process.communicate(timeout=timeout_s)[1]
        assert process.returncode == 0, error[-4000:]
