"""Names of a deployment get into globals.yml, whole, and nothing else changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from triptych.azure.deployment import NAMES, adopt_outputs, read_outputs

VALUES = {output: f"my-{number}" for number, output in enumerate(NAMES.values())}


@pytest.fixture
def globals_file(project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(project / "conf/azure/globals.yml", tmp_path))


def write(path: Path, values: object) -> Path:
    path.write_text(json.dumps(values))
    return path


@pytest.mark.parametrize("wrapped", [True, False])
def test_outputs_become_values(globals_file: Path, tmp_path: Path, wrapped: bool) -> None:
    before = yaml.safe_load(globals_file.read_text())
    outputs = {name: {"type": "String", "value": value} if wrapped else value for name, value in VALUES.items()}
    values = read_outputs(write(tmp_path / "outputs.json", outputs))
    assert set(adopt_outputs(globals_file, values)) == set(NAMES)
    after = yaml.safe_load(globals_file.read_text())
    assert after == before | {key: VALUES[output] for key, output in NAMES.items()}
    assert "none of them is a secret" in globals_file.read_text()
    assert adopt_outputs(globals_file, values) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"workspace": None}, "lacks workspace"),
        ({"workspace": {"value": "a b"}}, "which is no name"),
        ({"workspace": {"value": None}}, "which is no name"),
        ({"workspace": {"value": True}}, "which is no name"),
        ({"workspace": {"value": "x\nkey: 1"}}, "which is no name"),
    ],
)
def test_other_outputs_are_refused(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    values = {name: value for name, value in (VALUES | change).items() if value is not None}
    with pytest.raises(ValueError, match=reason):
        read_outputs(write(tmp_path / "outputs.json", values))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_outputs_may_come_from_powershell(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "outputs.json").write_text(json.dumps(VALUES), encoding=encoding)
    assert read_outputs(tmp_path / "outputs.json")["workspace"] == VALUES["workspace"]


def test_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outputs.json").write_text("no JSON")
    with pytest.raises(ValueError, match="does not hold the outputs"):
        read_outputs(tmp_path / "outputs.json")


def test_a_file_without_the_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "globals.yml").write_text("workspace: x\n")
    with pytest.raises(ValueError, match="has no line resource_group"):
        adopt_outputs(tmp_path / "globals.yml", {"resource_group": "mine"})
    assert (tmp_path / "globals.yml").read_text() == "workspace: x\n"
