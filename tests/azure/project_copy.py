"""A copy of the project whose environment `azure` has the sizes of conf/test, compiled as for Azure ML."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.azure.data_assets import DataAssets
from tests.e2e.conftest import settings

ROOT = Path(__file__).parents[2]
# Beside conf/test: one core for each step, and the ranks that Azure ML is to start.
SIZES: dict[str, Any] = {
    **settings(),
    "shelf": {"training": {"num_nodes": 2}},
    "video": {"style": {"num_nodes": 3}},
}
# The samples as the data assets that conf/azure/catalog.yml names.
SAMPLES = {
    "triptych_faq_raw": "faq",
    "triptych_faq_new_questions": "faq_new",
    "triptych_shelf_raw": "shelf",
    "triptych_shelf_new_photos": "shelf_new",
    "triptych_video_styles": "video_style/models",
    "triptych_video_style_image": "video_style/mosaic.jpg",
    "triptych_video_style_photos": "video_style/photos",
}
_SENT = ["src", "conf", "data/01_raw", "pyproject.toml", ".amlignore", ".telemetry", "README.md", "LICENSE"]
_NOT_SENT = shutil.ignore_patterns("__pycache__", "*.egg-info", "local")
# Several commands in one process, as each start takes seconds.
_KEDRO = """
import json, sys
from pathlib import Path
from kedro.framework.cli.cli import KedroCLI

for command in json.loads(sys.argv[1]):
    KedroCLI(Path.cwd()).main(command, standalone_mode=False)
"""


def copy_project(target: Path) -> Path:
    """Copy what goes to Azure ML, with tiny sizes and a tiny search in the place of the full ones."""
    for name in _SENT:
        source, copy = ROOT / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=_NOT_SENT)
        else:
            shutil.copy(source, copy)
    for workload, sizes in SIZES.items():
        tiny = yaml.safe_load((ROOT / "conf" / "test" / workload / "parameters.yml").read_text(encoding="utf-8"))
        path = target / "conf" / "azure" / workload / "parameters.yml"
        path.write_text(yaml.safe_dump({workload: _merge(tiny[workload], sizes)}), encoding="utf-8")
    return target


def compile_pipelines(project: Path, target: Path, names: list[str], params: dict[str, Any]) -> dict[str, Path]:
    """Compile pipelines for Azure ML.

    Args:
        project: A copy of the project.
        target: Folder for the compiled pipelines.
        names: Of the pipelines.
        params: Parameters of the command line, which every step gets.
    """
    files = {name: target / f"{name}.yaml" for name in names}
    options = ["--params", json.dumps(params)]
    commands = [
        ["azureml", "-e", "azure", "compile", "-p", name, "-o", str(file), *options] for name, file in files.items()
    ]
    target.mkdir(parents=True, exist_ok=True)
    run = subprocess.run(
        [sys.executable, "-c", _KEDRO, json.dumps(commands)],
        cwd=project,
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return files


def add_samples(assets: DataAssets) -> DataAssets:
    """Register the bundled samples as data assets."""
    for name, path in SAMPLES.items():
        assets.add(name, ROOT / "data" / "01_raw" / path)
    return assets


def _merge(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = {**values, **changes}
    for name in values.keys() & changes.keys():
        if isinstance(values[name], dict) and isinstance(changes[name], dict):
            merged[name] = _merge(values[name], changes[name])
    return merged
