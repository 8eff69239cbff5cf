"""A copy of the project whose environment `azure` has the sizes of conf/test, compiled as for Azure ML."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.azure.data_assets import DataAssets
from tests.e2e.conftest import settings
from tests.preloaded.scripts import PreloadedScripts

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
    "triptych_faq_additions": "faq_new",
    "triptych_faq_new_questions": "faq_new",
    "triptych_shelf_new_photos": "shelf_new",
    "triptych_video_styles": "video_style/models",
    "triptych_video_style_image": "video_style/mosaic.jpg",
    "triptych_video_style_photos": "video_style/photos",
}
_SENT = ["src", "conf", "data/01_raw", "pyproject.toml", ".amlignore", ".telemetry", "README.md", "LICENSE"]
_NOT_SENT = shutil.ignore_patterns("__pycache__", "*.egg-info", "local")


def copy_sources(target: Path) -> Path:
    """Copy what goes to Azure ML; the project itself may hold a `.venv`, whose files take seconds to be passed over."""
    for name in _SENT:
        source, copy = ROOT / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=_NOT_SENT)
        else:
            shutil.copy(source, copy)
    return target


def copy_project(target: Path) -> Path:
    """Copy what goes to Azure ML, with tiny sizes and a tiny search in the place of the full ones, and commit it."""
    copy_sources(target)
    for workload, sizes in SIZES.items():
        tiny = yaml.safe_load((ROOT / "conf" / "test" / workload / "parameters.yml").read_text(encoding="utf-8"))
        path = target / "conf" / "azure" / workload / "parameters.yml"
        path.write_text(yaml.safe_dump({workload: _merge(tiny[workload], sizes)}), encoding="utf-8")
    for words in (["init"], ["add", "src", "conf"], ["commit", "--message", "Sent"]):
        git(target, *words)
    return target


def git(folder: Path, *words: str) -> str:
    """Run git in a folder as somebody whom nothing on this machine is told of, and give its output."""
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def compile_pipelines(
    project: Path, target: Path, names: list[str], params: dict[str, Any], preloaded: PreloadedScripts
) -> dict[str, Path]:
    """Compile pipelines for Azure ML.

    Args:
        project: A copy of the project.
        target: Folder for the compiled pipelines.
        names: Of the pipelines.
        params: Parameters of the command line, which every step gets.
        preloaded: Runs the commands.
    """
    files = {name: target / f"{name}.yaml" for name in names}
    environment = {**os.environ, "PYTHONPATH": "src"}
    target.mkdir(parents=True, exist_ok=True)
    for name, file in files.items():
        options = ["-p", name, "-o", str(file), "--params", json.dumps(params)]
        command = preloaded.kedro("azureml", "-e", "azure", "compile", *options)
        run = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=300)
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return files


def add_samples(assets: DataAssets, shelf_raw: Path) -> DataAssets:
    """Register the bundled samples as data assets, those photos of shelves that are given."""
    assets.add("triptych_shelf_raw", shelf_raw)
    for name, path in SAMPLES.items():
        assets.add(name, ROOT / "data" / "01_raw" / path)
    return assets


def _merge(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = {**values, **changes}
    for name in values.keys() & changes.keys():
        if isinstance(values[name], dict) and isinstance(changes[name], dict):
            merged[name] = _merge(values[name], changes[name])
    return merged
