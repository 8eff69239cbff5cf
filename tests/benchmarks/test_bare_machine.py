"""The libraries of shelf and video, where there is no Kedro: seen in a process that finds no other packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu_wheels import BARE, WHEELS
from tests.benchmarks.bare import closure_of, link_packages
from tests.conftest import ROOT

ABSENT = ("kedro", "mlflow", "lightgbm", "scipy", "sklearn", "plotly", "pyarrow", "openvino")
IMPORT_ALL = """
import importlib, importlib.util, pkgutil, sys
import triptych.shelf, triptych.video
present = [name for name in sys.argv[1:] if importlib.util.find_spec(name)]
assert not present, present
for package in (triptych.shelf, triptych.video):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
        print(module.name)
"""
# One test for each thing that is done there.
DONE = (
    "test_pascal_voc_is_read",
    "test_a_training_gives_model_log_and_report",
    "test_boxes_alone_are_judged_as_boxes",
    "test_every_photo_is_scored_whatever_its_kind",
    "test_files_in_checkpoint_log_and_preview_out",
)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the start of a command line, for a Python that finds only what a bare machine has."""
    folder = tmp_path_factory.mktemp("packages")
    link_packages(closure_of([*BARE, *WHEELS]), folder)
    path = os.pathsep.join(map(str, (folder, ROOT / "src")))
    return ["env", f"PYTHONPATH={path}", sys.executable, "-S"]


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, cwd=ROOT, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_every_module_can_be_imported(bare: list[str]) -> None:
    found = run([*bare, "-c", IMPORT_ALL, *ABSENT]).split()
    assert {"triptych.shelf.training.trainer", "triptych.video.stylizing.ranks"} <= set(found)


@pytest.mark.slow
def test_tests_are_collected_and_detector_and_style_are_trained_and_judged(bare: list[str]) -> None:
    command = [*bare, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--disable-warnings"]
    found = run([*command, "tests/shelf", "tests/video", "-k", " or ".join(DONE)])
    assert f"{len(DONE)} passed" in found


@pytest.mark.slow
def test_a_video_is_planned_stylized_restitched_and_timed(bare: list[str], tmp_path: Path) -> None:
    options = ["--runtime", "eager", "--no-reference", "--rounds", "1", "--seconds", "0.2", "--size", "64x48"]
    run([*bare, "benchmarks/video_stylizing.py", *options, "--json", str(tmp_path / "figures.json")])
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["frames"], figures["runtime"]) == (5, "eager")
    assert min(figures["frames_per_s"], figures["network_frames_per_s"]) > 0
