"""`triptych azure` on the command line: what it prints, and its exit code."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from click.testing import CliRunner, Result
from PIL import Image

from tests.azure.project_copy import copy_sources
from tests.video.styles import save_style
from triptych.azure import cli, submission
from triptych.azure.cli import azure
from triptych.azure.deployment import NAMES


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_sources(tmp_path_factory.mktemp("sources"))


@pytest.fixture
def command(project: Path, sources: Path, restored: None, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.chdir(sources)
    return CliRunner()


def run(command: CliRunner, *words: str) -> Result:
    return command.invoke(azure, list(words))


def test_check_passes_what_is_sound(command: CliRunner) -> None:
    result = run(command, "check", "faq", "video")
    assert (result.exit_code, result.output) == (0, "snapshot: ok\nfaq: ok\nvideo: ok\n")


def test_check_names_what_is_not(command: CliRunner, tmp_path: Path) -> None:
    result = run(command, "check", "faq", "video", "--params", f"video_raw={tmp_path}")
    assert result.exit_code == 1
    assert "faq: ok" in result.output
    assert f"  - video.landing is read from {tmp_path} on this machine" in result.output


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["check", "nope"], "there is no pipeline nope: there are __default__, faq"),
        (["check", "-e", "test"], "conf/test has no azureml.yml"),
        (["check", "--params", "video_rav=x"], "did you mean 'video_raw'?"),
        (["preflight", "nope"], "there is no pipeline nope"),
        (["check", "--params", '{"a": '], "--params is no JSON"),
    ],
)
def test_wrong_words_are_explained(command: CliRunner, words: list[str], reason: str) -> None:
    result = run(command, *words)
    assert result.exit_code == 1
    assert reason in result.output
    assert "Traceback" not in result.output


def test_no_parameters_may_be_written_as_json(command: CliRunner) -> None:
    """As the release of Azure DevOps does where none are given."""
    result = run(command, "preflight", "faq", "--params", " {} ")
    assert result.exit_code == 0, result.output


def test_what_would_end_its_quotes_is_not_submitted(command: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes get parameters in quotes, in a command of a shell."""
    monkeypatch.setattr(submission, "connect_as_node", lambda config: None)
    result = run(
        command, "submit", "video", "--params", json.dumps({"video_raw": "abfs://it's@x.dfs.core.windows.net"})
    )
    assert result.exit_code == 1
    assert result.output.startswith("Error: a ' in --params")


def test_it_wants_the_projects_folder(command: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(command, "check")
    assert result.exit_code == 1
    assert "is not the project" in result.output


def test_preflight_counts(command: CliRunner) -> None:
    result = run(command, "preflight", "shelf")
    assert result.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in result.output.splitlines() if line.startswith("shelf.")}
    assert rows["shelf.train_detector"] == ["gpu-cluster", "2", "pytorch", "no"]
    assert rows["shelf.split_photos"] == ["cpu-cluster", "1", "-", "yes"]
    assert "data assets read: triptych_shelf_raw" in result.output
    assert "data assets made: triptych_shelf_drift_reference, triptych_shelf_model" in result.output
    assert "06_models/shelf/checkpoints" in result.output
    assert "MB (limit 10 MB)" in result.output


def test_preflight_lists_the_places_in_blob_storage(command: CliRunner) -> None:
    lines = run(command, "preflight", "video").output.splitlines()
    places = [line.removeprefix("blob storage: ") for line in lines if line.startswith("blob storage: ")]
    assert {place.split("@")[0] for place in places} == {"abfs://landing", "abfs://styled", "abfs://work"}


def test_configure_writes_the_names(command: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "conf" / "azure" / "globals.yml"
    target.parent.mkdir(parents=True)
    shutil.copy("conf/azure/globals.yml", target)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs.json").write_text(json.dumps(dict.fromkeys(NAMES.values(), "mine")))
    assert run(command, "configure", "outputs.json").exit_code == 0
    assert "workspace: mine\n" in target.read_text()
    (tmp_path / "outputs.json").write_text("{}")
    result = run(command, "configure", "outputs.json")
    assert result.exit_code == 1
    assert "lacks cpuCluster" in result.output


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (LookupError("there is no job it's gone"), "Error: there is no job it's gone\n"),
        (ClientAuthenticationError("no network"), "Error: Azure ML did not answer: no network\n"),
    ],
)
def test_what_cannot_be_watched_is_explained(
    command: CliRunner, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    def refuse(bench: Any, name: str) -> Any:
        raise error

    monkeypatch.setattr(cli, "_make_reader", refuse)
    result = run(command, "watch", "it's gone", "--once")
    assert (result.exit_code, result.output) == (1, reason)


def test_triptych_azure_is_a_command(project: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "triptych", "azure", "--help"], cwd=project, capture_output=True, text=True, check=True
    )
    assert all(word in run.stdout for word in ("check", "preflight", "configure"))


def test_styles_are_packed(command: CliRunner, tmp_path: Path) -> None:
    style = save_style(tmp_path, 1)
    Image.new("RGB", (20, 20), "red").save(tmp_path / "example.png")
    result = run(command, "pack-styles", str(style), str(tmp_path / "example.png"), str(tmp_path / "packed"))
    assert (result.exit_code, result.output) == (0, f"{tmp_path / 'packed'}: style1\n")
    assert (tmp_path / "packed/MLmodel").is_file()
    (tmp_path / "other.pth").write_bytes(b"")
    result = run(command, "pack-styles", str(style), str(tmp_path / "example.png"), str(tmp_path / "again"))
    assert result.exit_code == 1
    assert "other.pth" in result.output
