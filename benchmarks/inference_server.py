"""A model in Azure ML's inference server: requests a second and times, by workers, threads and requests at once.

    python benchmarks/inference_server.py SERVER MODEL REQUEST.json [--setups 1x2,2x1] [--at-once 1,2,4] [--seconds 8]

SERVER is an environment that `python -m tests.deploy.inference_server` made, MODEL one in MLflow's format, REQUEST.json
a request. A set-up is WORKER_COUNT x OMP_NUM_THREADS. Runs from the project folder (it takes the server from tests/).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.deploy.inference_server import serve_model


def main() -> None:
    """Measure and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("server", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("request", type=Path)
    parser.add_argument("--setups", default="1x1,1x2,2x1")
    parser.add_argument("--at-once", default="1,2,4")
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    body = options.request.read_bytes()
    print("workers x threads | at once | requests/s | p50 ms | p95 ms | MiB")
    for setup in options.setups.split(","):
        workers, threads = setup.split("x")
        with tempfile.TemporaryDirectory() as folder:
            variables = {"WORKER_COUNT": workers, "OMP_NUM_THREADS": threads}
            place = options.server.absolute() / "bin/python"
            with serve_model(place, options.model.resolve(), Path(folder) / "served", **variables) as address:
                _ask(address, body)
                warm_up(address, body, 2 * int(workers))
                for at_once in map(int, options.at_once.split(",")):
                    times, elapsed = load(address, body, at_once, options.seconds)
                    show(setup, at_once, times, elapsed, measure_memory())


def warm_up(address: str, body: bytes, count: int) -> None:
    """Ask every worker once, as far as can be told."""
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda _: _ask(address, body), range(2 * count)))


def load(address: str, body: bytes, at_once: int, seconds: float) -> tuple[list[float], float]:
    """Ask for a while, a new request as soon as one is answered; give times and how long it took in all."""
    end = time.monotonic() + seconds

    def keep_asking(_: int) -> list[float]:
        times = []
        while time.monotonic() < end:
            times.append(_ask(address, body))
        return times

    start = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        times = [each for part in pool.map(keep_asking, range(at_once)) for each in part]
    return times, time.perf_counter() - start


def _ask(address: str, body: bytes) -> float:
    start = time.perf_counter()
    request = urllib.request.Request(f"{address}/score", body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=180) as response:  # noqa: S310 - our own server
        response.read()
    return time.perf_counter() - start


def measure_memory() -> float:
    """Give the memory of the workers that is theirs or shared in parts (PSS), in MiB."""
    children = psutil.Process().children(recursive=True)
    return sum(child.memory_full_info().pss for child in children) / 2**20


def show(setup: str, at_once: int, times: list[float], elapsed: float, memory: float) -> None:
    """Print a row."""
    times = sorted(times)
    p95 = times[min(len(times) - 1, int(0.95 * len(times)))]
    rate, median = len(times) / elapsed, 1000 * statistics.median(times)
    print(f"{setup} | {at_once} | {rate:.1f} | {median:.0f} | {1000 * p95:.0f} | {memory:.0f}", flush=True)


if __name__ == "__main__":
    main()
