"""Run the tests of shelf's and video's libraries, and their benchmarks on the processor and on a GPU if there is one.

gpu.sh starts it, once it has seen to the packages. A new figure is one more line in RUNS.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree  # of reports that pytest wrote here

import torch

HERE = Path(__file__).parent
TESTS = ("tests/shelf", "tests/video")
TIMEOUT_S = 600
ENVIRONMENTS: dict[str, dict[str, str]] = {"cpu": {"CUDA_VISIBLE_DEVICES": ""}, "gpu": {}}

_SHELF = {"training, images/s": "images_per_s.train_ours", "inference, images/s": "images_per_s.infer_ours"}
_VIDEO = {"end to end, frames/s": "frames_per_s", "network alone, frames/s": "network_frames_per_s"}
_ONCE = "--rounds 1 --no-reference"
_STYLIZE = "video_stylizing.py --no-reference --runtime"


@dataclass(frozen=True)
class Run:
    """One run of a benchmark.

    Attributes:
        name: What is measured.
        device: `cpu`, for which a GPU is hidden, or `gpu`.
        command: Script beside this one, and its options.
        quick: Options that are added with --quick.
        figures: Name of each, and its place in the benchmark's JSON: keys joined by dots.
        slow: Left out with --quick.
        program: What must be on the PATH.
    """

    name: str
    device: str
    command: str
    quick: str
    figures: dict[str, str]
    slow: bool = False
    program: str = ""


RUNS = (
    Run("shelf, defaults", "cpu", "shelf_training.py", _ONCE, _SHELF),
    Run("shelf, defaults", "gpu", "shelf_training.py", _ONCE, _SHELF),
    Run("shelf, ResNet-50-FPN, 1333x800", "gpu", "shelf_training.py --preset paper", _ONCE, _SHELF),
    Run("video, mosaic, 640x360, eager", "cpu", f"{_STYLIZE} eager", "--rounds 1 --seconds 1", _VIDEO),
    Run("video, width 32, 640x360, eager", "cpu", f"{_STYLIZE} eager --network full", "", _VIDEO, True),
    Run("video, width 32, 640x360, compile", "cpu", f"{_STYLIZE} compile --network full", "", _VIDEO, True, "g++"),
    Run("video, mosaic, 640x360", "gpu", f"{_STYLIZE} cuda --seconds 20", "--rounds 1", _VIDEO),
    Run("video, width 32, 640x360", "gpu", f"{_STYLIZE} cuda --network full --seconds 20", "--rounds 1", _VIDEO),
    Run("video, width 32, 1920x1080", "gpu", f"{_STYLIZE} cuda --network full --size 1920x1080 --seconds 10",
        "--rounds 1", _VIDEO),
)  # fmt: skip


def run_tests(quick: bool) -> list[dict[str, Any]]:
    """Run the tests with the GPU hidden, then those that need one; give each part's counts and reasons to skip."""
    parts, choices = [], [("tests", "cpu", "")]
    if torch.cuda.is_available():
        choices = [("tests", "cpu", "not gpu"), ("tests on the GPU", "gpu", "gpu")]
    for name, device, marked in choices:
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.xml"
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--disable-warnings", *TESTS]
            expression = " and ".join(filter(None, [marked, "not slow" if quick else ""]))
            command += ["-m", expression, f"--junitxml={report}"]
            start = time.perf_counter()
            environment = os.environ | ENVIRONMENTS[device]
            code = subprocess.run(command, check=False, cwd=HERE.parent, env=environment).returncode  # noqa: S603
            part = {"name": name, "exit_code": code, "seconds": time.perf_counter() - start}
            parts.append(part | (read_report(report) if report.exists() else {}))
    return parts


def read_report(path: Path) -> dict[str, Any]:
    """Count the tests of a JUnit report, and the skipped ones by reason."""
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))  # noqa: S314
    reasons = [str(skip.get("message")) for case in cases for skip in case.iter("skipped")]
    failed = sum(any(case.find(kind) is not None for kind in ("failure", "error")) for case in cases)
    return {
        "passed": len(cases) - failed - len(reasons),
        "failed": failed,
        "skipped": dict(Counter(reasons)),
    }


def reason_to_skip(run: Run, quick: bool) -> str:
    """Say why a benchmark is not run; empty if it is."""
    if run.device == "gpu" and not torch.cuda.is_available():
        return "no GPU"
    if run.slow and quick:
        return "--quick"
    return f"no {run.program} on the PATH" if run.program and not shutil.which(run.program) else ""


def run_benchmark(run: Run, quick: bool) -> dict[str, Any]:
    """Run a benchmark in a process of its own; give its figures, or how it failed."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "figures.json"
        script, *options = f"{run.command} {run.quick if quick else ''}".split()
        command = [sys.executable, str(HERE / script), *options, "--json", str(found)]
        row: dict[str, Any] = {"name": run.name, "device": run.device, "command": " ".join([script, *options])}
        environment = os.environ | ENVIRONMENTS[run.device]
        start = time.perf_counter()
        try:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment, timeout=TIMEOUT_S)  # noqa: S603
        except subprocess.SubprocessError as error:  # what went wrong is on standard error
            return row | {"failed": str(error)}
        row["seconds"] = time.perf_counter() - start
        result = json.loads(found.read_text(encoding="utf-8"))
    return row | {"figures": {name: look_up(result, place) for name, place in run.figures.items()}, "all": result}


def look_up(result: dict[str, Any], place: str) -> float:
    """Find a number in nested dictionaries by its keys, joined by dots."""
    value: Any = result
    for key in place.split("."):
        value = value[key]
    return float(value)


def describe_environment() -> dict[str, str]:
    """Name what the figures hold for."""
    from triptych.video.runtimes.hardware import describe_machine

    return {"machine": describe_machine(), "Python": platform.python_version(), "torch": torch.__version__}


def write_report(result: dict[str, Any]) -> str:
    """Write the results for people, in Markdown."""
    lines = [", ".join(f"{name} {value}" for name, value in result["environment"].items()), ""]
    for part in result["tests"]:
        counts = ", ".join(f"{part[name]} {name}" for name in ("passed", "failed") if name in part) or "did not run"
        lines += [f"{part['name']}: {counts} (exit code {part['exit_code']}), {part['seconds']:.0f} s", ""]
    lines += ["| measured | on | figure | value |", "| --- | --- | --- | --- |"]
    for row in result["benchmarks"]:
        values = row.get("figures", {"": "failed"}).items()
        lines += [f"| {row['name']} | {row['device']} | {name} | {_show(value)} |" for name, value in values]
    lines += ["", "Skipped:", "", *(f"- {what}: {reason}" for what, reason in result["skipped"])]
    return "\n".join(lines) + "\n"


def _show(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"


def main() -> int:
    """Run what can be run here, write figures.json and figures.md, and tell whether all went well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--quick", action="store_true", help="no slow tests, and one round of the short benchmarks")
    parser.add_argument("--no-tests", action="store_true")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    tests = [] if arguments.no_tests else run_tests(arguments.quick)
    skipped = []
    for part in tests:
        skipped += [(f"{count} of the {part['name']}", reason) for reason, count in part.get("skipped", {}).items()]
    if arguments.no_tests or arguments.quick:
        skipped.append(("all tests", "--no-tests") if arguments.no_tests else ("tests marked slow", "--quick"))
    benchmarks = []
    for run in RUNS:
        if reason := reason_to_skip(run, arguments.quick):
            skipped.append((f"{run.name} ({run.device})", reason))
            continue
        print(f"{run.name} ({run.device})", flush=True)
        benchmarks.append(run_benchmark(run, arguments.quick))
    result = {"environment": describe_environment(), "seconds": time.perf_counter() - start}
    result |= {"tests": tests, "benchmarks": benchmarks, "skipped": skipped}
    (arguments.out / "figures.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    report = write_report(result)
    (arguments.out / "figures.md").write_text(report, encoding="utf-8")
    print(report, end="")
    return int(any(part["exit_code"] for part in tests) or any("failed" in row for row in benchmarks))


if __name__ == "__main__":
    sys.exit(main())
