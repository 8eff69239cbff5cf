"""Load `triptych serve` and `mlflow models serve` with the same model, in turns.

    python benchmarks/service_load.py                                    # a generated FAQ, a small detector
    python benchmarks/service_load.py --mlflow-uri sqlite:///mlflow.db   # what is promoted there
    python benchmarks/service_load.py --soak-s 600                       # memory under load, at the most connections

Needs hey (Debian's package `hey`) on the PATH or named by --hey. Each server is asked what the other is asked, for a
few seconds at each number of connections; both are running all the time, and the one that is not asked is idle. Of the
service a run with a queue of four shows what happens past capacity. Memory is that of a server's processes (PSS, so
that what they share counts once).
"""

from __future__ import annotations

import argparse
import base64
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import psutil

if TYPE_CHECKING:
    from triptych.faq.matcher import FaqMatcher

ROOT = Path(__file__).parents[1]
MODELS = {"faq": "faq-matcher", "shelf": "shelf-detector"}
MIB = 2**20


class Load(NamedTuple):
    """What came of asking for a while.

    Attributes:
        connections: At once.
        rate: Answers with status 200 a second.
        quantiles_ms: p50, p95, p99 of these.
        refused_p99_ms: Of those with status 503; 0 if there are none.
        statuses: Answers by status.
    """

    connections: int
    rate: float
    quantiles_ms: list[float]
    refused_p99_ms: float
    statuses: dict[str, int]


def ask(hey: str, url: str, body: Path, connections: int, seconds: float) -> Load:
    """Ask the same again and again."""
    options = ["-z", f"{seconds:g}s", "-c", str(connections), "-m", "POST", "-T", "application/json", "-t", "120"]
    done = subprocess.run(  # noqa: S603 - the caller's own
        [hey, *options, "-D", str(body), "-o", "csv", url], capture_output=True, text=True, check=True
    )
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    statuses = Counter(row["status-code"] for row in rows)
    good = np.array([float(row["response-time"]) for row in rows if row["status-code"] == "200"] or [np.nan])
    refused = [float(row["response-time"]) for row in rows if row["status-code"] == "503"]
    end = max(float(row["offset"]) + float(row["response-time"]) for row in rows)
    quantiles = [round(float(value) * 1000, 1) for value in np.quantile(good, [0.5, 0.95, 0.99])]
    slowest = round(float(np.quantile(refused, 0.99)) * 1000, 1) if refused else 0.0
    return Load(connections, round(statuses["200"] / max(end, seconds), 1), quantiles, slowest, dict(statuses))


@contextmanager
def run_server(
    command: list[str], health: str, log: Path, environment: dict[str, str], project: Path = ROOT
) -> Iterator[psutil.Process]:
    """Run a server until the block ends; yields when it is ready."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with log.open("wb") as out:
        given = {**os.environ, "PATH": path, **environment}
        process = subprocess.Popen(  # noqa: S603 - our own
            command, cwd=project, stdout=out, stderr=out, env=given, start_new_session=True
        )
    try:
        while not answers(health):
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
            time.sleep(0.5)
        yield psutil.Process(process.pid)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def answers(url: str) -> bool:
    """Tell whether a server is ready."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - our own
            return bool(response.status == 200)
    except OSError:
        return False


def measure_memory(server: psutil.Process) -> float:
    """Give the memory of a server's processes, MiB."""
    processes = [server, *server.children(recursive=True)]
    return round(sum(process.memory_full_info().pss for process in processes) / MIB, 1)


def measure_pair(options: argparse.Namespace, workload: str, uri: str, version: int, work: Path) -> dict[str, Any]:
    """Load both servers in turns, then the service past its capacity."""
    body = write_body(workload, work)
    ours, mlflows, small = (options.port + offset for offset in range(3))
    count = str(options.processes)
    serve = [sys.executable, "-m", "triptych", "serve", workload, "--mlflow-uri", uri, "--processes", count, "--port"]
    with ExitStack() as stack:
        service = stack.enter_context(
            run_server([*serve, str(ours)], f"http://127.0.0.1:{ours}/health/ready", work / "ours.log", {})
        )
        model = ["-m", f"models:/{MODELS[workload]}/{version}", "--env-manager", "local", "--workers", count]
        command = [sys.executable, "-m", "mlflow", "models", "serve", *model, "--port", str(mlflows)]
        tracked = {"MLFLOW_TRACKING_URI": uri}
        stack.enter_context(run_server(command, f"http://127.0.0.1:{mlflows}/ping", work / "mlflow.log", tracked))
        urls = {
            "service": f"http://127.0.0.1:{ours}/{workload}/invocations",
            "mlflow": f"http://127.0.0.1:{mlflows}/invocations",
        }
        figures: dict[str, Any] = {name: [] for name in urls}
        for url in urls.values():
            ask(options.hey, url, body, 1, 2)
        for connections in options.connections:
            for name, url in urls.items():
                figures[name].append(ask(options.hey, url, body, connections, options.seconds)._asdict())
                print(workload, name, figures[name][-1], flush=True)
        if options.soak_s:
            figures["soak"] = soak(options, urls["service"], body, service)
    figures["past_capacity"] = measure_past_capacity(options, workload, uri, small, body, work / "past_capacity")
    return figures


def measure_past_capacity(
    options: argparse.Namespace, workload: str, uri: str, port: int, body: Path, folder: Path
) -> dict[str, Any]:
    """Ask with many more connections than may wait."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    (folder / "conf/test/service.yml").write_text("service: {batch: {max_requests: 4, max_queue: 4}}\n")
    command = [sys.executable, "-m", "triptych", "serve", workload, "--mlflow-uri", uri, "--port", str(port)]
    with run_server([*command, "--env", "test"], f"http://127.0.0.1:{port}/health/ready", folder / "log", {}, folder):
        return ask(options.hey, f"http://127.0.0.1:{port}/{workload}/invocations", body, 128, 5)._asdict()


def soak(options: argparse.Namespace, url: str, body: Path, service: psutil.Process) -> list[float]:
    """Ask for long; gives the memory every few seconds."""
    seen: list[float] = []
    stopped = threading.Event()

    def look() -> None:
        while not stopped.wait(options.soak_s / 30):
            seen.append(measure_memory(service))

    watcher = threading.Thread(target=look)
    watcher.start()
    load = ask(options.hey, url, body, max(options.connections), options.soak_s)
    stopped.set()
    watcher.join()
    print("soak", load, seen, flush=True)
    return seen


def write_body(workload: str, work: Path) -> Path:
    """Write what is asked."""
    if workload == "faq":
        row = {"title": "Items of a list all alert the last value", "body": "<p>I attach handlers in a loop.</p>"}
    else:
        row = {"image": base64.b64encode(next((ROOT / "data/01_raw/shelf_new").glob("*.jpg")).read_bytes()).decode()}
    path = work / "body.json"
    path.write_text(json.dumps({"dataframe_records": [row]}))
    return path


def make_registry(folder: Path) -> str:
    """Register a matcher of a generated FAQ of 5,000 originals, and a detector of random weights that sees 96 px."""
    sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
    from faq_matching import run_build
    from generated_faq import generate

    from tests.shelf.tiny import write_model
    from triptych.faq.matcher import FaqMatcher

    for name, table in generate(5000, 100, 300, 0).items():
        table.to_parquet(folder / f"{name}.parquet")
    run_build(folder)
    save_models(FaqMatcher.load(folder / "matcher"), write_model(folder / "detector"), folder)
    return register(folder, f"sqlite:///{folder / 'mlflow.db'}")


def save_models(matcher: FaqMatcher, detector: Path, folder: Path) -> None:
    """Save both in MLflow's format, in the folders `faq` and `shelf`."""
    import pandas as pd

    from triptych.serving.faq_export import save_faq_model
    from triptych.serving.shelf_export import save_shelf_model

    reference = pd.DataFrame({"characters": [100]})  # nothing is logged here, and nothing compared with it
    save_faq_model(matcher, pd.DataFrame({"title": ["alert"], "body": ["loop"]}), folder / "faq", reference)
    photo = next((ROOT / "data/01_raw/shelf_new").glob("*.jpg"))
    save_shelf_model(detector, photo, folder / "shelf", reference)


def register(folder: Path, uri: str) -> str:
    """Register and promote what is in a folder."""
    import mlflow

    from triptych.registry import ModelRegistry

    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("load", (folder / "artifacts").as_uri())
    for workload, name in MODELS.items():
        run = client.create_run(experiment)
        client.log_artifacts(run.info.run_id, str(folder / workload), "model")
        version = mlflow.register_model(f"runs:/{run.info.run_id}/model", name).version
        ModelRegistry().promote(name, int(version))
    return uri


def find_version(uri: str, workload: str) -> int:
    """Find the promoted version."""
    import mlflow

    from triptych.registry import ModelRegistry

    mlflow.set_tracking_uri(uri)
    promoted = ModelRegistry().find_promoted(MODELS[workload])
    if promoted is None:
        raise SystemExit(f"no version of {MODELS[workload]} is promoted in {uri}")
    return promoted.version


def main() -> None:
    """Measure, and print or write JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=10, help="for each number of connections and server")
    parser.add_argument("--processes", type=int, default=1, help="of the model, on both sides")
    parser.add_argument("--soak-s", type=float, default=0, help="load for so long, and look at the memory")
    parser.add_argument("--mlflow-uri", help="registry; without it models are made")
    parser.add_argument("--make", type=Path, help="make models in this folder, and end")
    parser.add_argument("--port", type=int, default=8700, help="the first of three")
    parser.add_argument("--hey", default="hey")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="triptych-load-") as folder:
        if options.make:
            print(make_registry(options.make))
            return
        uri = options.mlflow_uri or make_registry(Path(folder))
        figures = {}
        for workload in options.workloads:
            work = Path(folder) / f"load_{workload}"
            work.mkdir()
            figures[workload] = measure_pair(options, workload, uri, find_version(uri, workload), work)
    text = json.dumps(figures, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
