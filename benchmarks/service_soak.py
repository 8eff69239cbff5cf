"""Ask `triptych serve` at an even rate for long, and look at the memory of its processes.

    python benchmarks/service_soak.py                                            # models are made, ten minutes
    python benchmarks/service_soak.py --mlflow-uri sqlite:///mlflow.db --plot memory.png

Every question is another, and photos come in turns, so that no cache is all there is to see. Each process is told by
what it does. `first` is the mean of the minute after the warm-up, `last` that of the last minute, `slope` the straight
line through all between, in MiB a minute; all of resident memory (RSS).
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from service_load import MIB, ROOT, make_registry, run_server

WARM_UP_S = 60.0


class Asker(threading.Thread):
    """Asks one path at a rate, one request after the other.

    Args:
        url: Of the path.
        make: Makes the body of a request by its number.
        rate: Requests a second, if they are answered in time.
        end: When to stop, by `time.monotonic`.
    """

    def __init__(self, url: str, make: Any, rate: float, end: float) -> None:
        super().__init__(daemon=True)
        self._url, self._make, self._pause_s, self._end = url, make, 1 / rate, end
        self.statuses: Counter[int | str] = Counter()

    def run(self) -> None:
        """Ask until the end."""
        number, due = 0, time.monotonic()
        while (now := time.monotonic()) < self._end:
            if now < due:
                time.sleep(due - now)
            due = max(due + self._pause_s, now)  # what was missed is not made up for
            self.statuses[self._ask(self._make(number))] += 1
            number += 1

    def _ask(self, body: bytes) -> int | str:
        asked = urllib.request.Request(self._url, body, {"Content-Type": "application/json"})  # noqa: S310 - our own
        try:
            with urllib.request.urlopen(asked, timeout=60) as response:  # noqa: S310
                response.read()
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError as error:
            return type(error).__name__


def make_question(number: int) -> bytes:
    """Make a question that was not asked before."""
    words = np.random.default_rng(number).integers(0, 5000, 12)
    title = " ".join(f"items of list {word}" for word in words)
    return json.dumps({"title": title, "body": f"<p>alert <code>loop {number}</code></p>"}).encode()


def make_photos() -> list[bytes]:
    """Read the sample's photos as bodies."""
    import base64

    files = sorted((ROOT / "data/01_raw/shelf_new").glob("*.jpg"))
    return [json.dumps({"photo": base64.b64encode(file.read_bytes()).decode()}).encode() for file in files]


def measure(server: psutil.Process) -> dict[str, float]:
    """Give the resident memory of each process, MiB."""
    found = {"service": server.memory_info().rss / MIB}
    for child in server.children():
        line = " ".join(child.cmdline())
        name = next((workload for workload in ("faq", "shelf", "video") if f'"{workload}"' in line), str(child.pid))
        found[name] = child.memory_info().rss / MIB
    return {name: round(value, 1) for name, value in found.items()}


def summarise(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Compare the first minute after the warm-up with the last, for each process and all together."""
    times = np.array([row["seconds"] for row in rows])
    late = times >= WARM_UP_S
    figures = {}
    for name in [name for name in rows[-1] if name != "seconds"]:
        values = np.array([row.get(name, np.nan) for row in rows])
        first, last = (late & (times < 2 * WARM_UP_S)), times > times[-1] - 60
        slope = np.polyfit(times[late] / 60, values[late], 1)[0]
        figures[name] = {"first": values[first].mean(), "last": values[last].mean(), "slope": slope}
    return {name: {key: round(float(value), 2) for key, value in row.items()} for name, row in figures.items()}


def plot(rows: list[dict[str, float]], file: Path) -> None:
    """Draw the memory of each process over time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    minutes = [row["seconds"] / 60 for row in rows]
    for name in [name for name in rows[-1] if name != "seconds"]:
        axes.plot(minutes, [row.get(name, np.nan) for row in rows], label=name)
    axes.set(xlabel="minutes under load", ylabel="resident memory, MiB", ylim=(0, None))
    axes.legend()
    figure.savefig(file)


def watch(options: argparse.Namespace, server: psutil.Process) -> tuple[list[dict[str, float]], dict[str, Any]]:
    """Ask, and look every few seconds."""
    start = time.monotonic()
    end, base = start + options.seconds, f"http://127.0.0.1:{options.port}"
    photos = make_photos()
    askers = {
        f"faq {place}": Asker(f"{base}/faq/ask", lambda n, p=place: make_question(2 * n + p), options.faq_rate / 2, end)
        for place in range(2)
    }
    askers["shelf"] = Asker(f"{base}/shelf/find", lambda n: photos[n % len(photos)], options.shelf_rate, end)
    for asker in askers.values():
        asker.start()
    rows = []
    while (now := time.monotonic()) < end:
        memory = measure(server)
        rows.append({"seconds": round(now - start, 1), **memory, "all": round(sum(memory.values()), 1)})
        print(rows[-1], flush=True)
        time.sleep(max(0.0, min(options.every_s, end - now)))
    for asker in askers.values():
        asker.join()
    return rows, {name: dict(asker.statuses) for name, asker in askers.items()}


def main() -> None:
    """Soak, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600 + WARM_UP_S)
    parser.add_argument("--faq-rate", type=float, default=20, help="questions a second")
    parser.add_argument("--shelf-rate", type=float, default=5, help="photos a second")
    parser.add_argument("--every-s", type=float, default=10, help="between two looks")
    parser.add_argument("--mlflow-uri", help="registry; without it models are made")
    parser.add_argument("--log-requests", help="let the service log measures of what is asked there")
    parser.add_argument("--port", type=int, default=8710)
    parser.add_argument("--csv", type=Path, help="write what was seen to this file")
    parser.add_argument("--plot", type=Path, help="draw it to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="triptych-soak-") as folder:
        uri = options.mlflow_uri or make_registry(Path(folder))
        command = [sys.executable, "-m", "triptych", "serve", "faq", "shelf", "--mlflow-uri", uri]
        command += ["--port", str(options.port)]
        command += ["--log-requests", options.log_requests] if options.log_requests else []
        health = f"http://127.0.0.1:{options.port}/health/ready"
        with run_server(command, health, Path(folder) / "log", {}) as server:
            rows, statuses = watch(options, server)
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[-1]))
            writer.writeheader()
            writer.writerows(rows)
    if options.plot:
        plot(rows, options.plot)
    print(json.dumps({"memory": summarise(rows), "answers": statuses}, indent=1))


if __name__ == "__main__":
    main()
