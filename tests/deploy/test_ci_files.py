"""The files for GitHub Actions and Azure DevOps: every command in them is one that there is, with options it has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy.stand_in import BASH, OUTPUTS, azure, calls

__all__ = ["azure"]

GITHUB = sorted((ROOT / ".github/workflows").glob("*.yml"))
DEVOPS = sorted((ROOT / ".azure-pipelines").glob("*.yml"))
CHECKOV = os.environ.get("TRIPTYCH_CHECKOV") or shutil.which("checkov")
ZIZMOR = shutil.which("zizmor", path=Path(CHECKOV).parent if CHECKOV else None)
ACTIONLINT = shutil.which(os.environ.get("TRIPTYCH_ACTIONLINT", "actionlint"))
COMMIT = "0123456789012345678901234567890123456789"
VALUES = {
    "EMAIL": "someone@example.org",
    "ALERT_EMAIL": "someone@example.org",
    "NAME": "triptych",
    "TRIPTYCH_NAME": "triptych",
    "LOCATION": "westeurope",
    "AZURE_LOCATION": "westeurope",
    "SETUP": "small",
    "TRIPTYCH_SETUP": "small",
    "OPERATOR": "id",
    "AZURE_PRINCIPAL_ID": "id",
    "REGISTRY": "models",
    "TRIPTYCH_REGISTRY": "models",
    "STEPS": "50",
    "PARAMS": '{"a": "b c"}',
    "VERSION": "1",
    "GITHUB_SHA": COMMIT,
    "BUILD_SOURCEVERSION": COMMIT,
}


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def mappings(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict):
        yield content
    for item in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from mappings(item)


def shell_of(path: Path) -> list[str]:
    keys = ("run", "bash", "inlineScript")
    return [item[key] for item in mappings(read(path)) for key in keys if isinstance(item.get(key), str)]


COMMANDS = [(path.name, text) for path in [*GITHUB, *DEVOPS] for text in shell_of(path) if "deploy/" in text]


def test_nothing_is_forgotten() -> None:
    assert {path.name for path in GITHUB} == {"checks.yml", "release.yml", "stage.yml"}
    assert {path.name for path in DEVOPS} == {path.name for path in GITHUB}
    called = {name for _, text in COMMANDS for name in re.findall(r"deploy/(\w+)\.sh", text)}
    assert called == {"up", "run", "share", "serve", "trigger"}
    for service in (GITHUB, DEVOPS):
        served = {text.split()[1] for path in service for text in shell_of(path) if "deploy/serve.sh" in text}
        assert served == {'"$WORKLOAD"', "video"}
    for path in (GITHUB[0], DEVOPS[0]):
        parts = re.findall(r"(?:PART: |part: \[)([\w, ]+)", path.read_text(encoding="utf-8"))
        assert {part for found in parts for part in found.split(", ")} >= {"style", "pythons", "tests"}
        assert any(text.startswith(".ci/run ") for text in shell_of(path))


@pytest.mark.parametrize(
    ("file", "text"), COMMANDS, ids=[f"{number}-{file}" for number, (file, _) in enumerate(COMMANDS)]
)
@pytest.mark.parametrize("workload", ["faq", "video"])
def test_every_command_does_its_work(
    deploy_copy: Path, azure: dict[str, str], tmp_path: Path, file: str, text: str, workload: str
) -> None:
    """As the service runs it (`bash -e`), with stand-ins for what reaches Azure."""
    if workload == "video" and re.search(r"deploy/(share|serve)\.sh \"\$WORKLOAD", text):
        return  # has a condition
    (deploy_copy / "build/outputs.json").write_text(OUTPUTS, encoding="utf-8")
    (deploy_copy / "build/job").write_text("job1\n")
    answers = Path(azure["ANSWERS"])
    (answers / "there").touch()
    (answers / "commit").write_text(COMMIT)
    told = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    environment = {"HOME": "/nonexistent", **azure, **VALUES, **told, "WORKLOAD": workload, "PAUSE_S": "0"}
    done = subprocess.run(
        [BASH, "-e", "-c", text], cwd=deploy_copy.parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert calls(azure)
    if "share.sh" in text:
        output = tmp_path / "GITHUB_OUTPUT"
        told_version = output.read_text() if output.exists() else done.stdout
        assert re.search(r"(version=|variable=version;isOutput=true\])1-012345678901$", told_version.strip())


def test_actions_are_pinned_and_jobs_may_little() -> None:
    for path in GITHUB:
        content = read(path)
        assert content["permissions"] == {"contents": "read"}
        assert "secrets." not in path.read_text(encoding="utf-8")
        for item in mappings(content):
            used = item.get("uses", "")
            assert not used or used.startswith("./.github/workflows/") or re.search(r"@[0-9a-f]{40}$", used), used
        for job in content["jobs"].values():
            logs_in = any("azure/login" in step.get("uses", "") for step in job.get("steps", []))
            calls_stage = "uses" in job
            assert (job.get("permissions", {}).get("id-token") == "write") == (logs_in or calls_stage)
            assert not logs_in or job["environment"]


def test_no_text_from_outside_becomes_part_of_a_command() -> None:
    for path in GITHUB:
        for text in shell_of(path):
            assert "${{" not in text, text
    for path in DEVOPS:
        for text in shell_of(path):
            assert "${{" not in text, text
            assert not re.search(r"\$\(\w+\)", text), text


def test_workflows_hand_on_what_is_declared() -> None:
    stage = read(ROOT / ".github/workflows/stage.yml")
    declared = stage[True]["workflow_call"]  # YAML 1.1 reads `on` as true
    for job in read(ROOT / ".github/workflows/release.yml")["jobs"].values():
        assert set(job["with"]) <= set(declared["inputs"])
    declared_devops = {item["name"] for item in read(ROOT / ".azure-pipelines/stage.yml")["parameters"]}
    stages = read(ROOT / ".azure-pipelines/release.yml")["stages"]
    assert [each["parameters"]["stage"] for each in stages] == ["dev", "test", "production"]
    for each in stages:
        assert set(each["parameters"]) <= declared_devops


@pytest.mark.skipif(not ACTIONLINT, reason="actionlint is neither on the PATH nor in TRIPTYCH_ACTIONLINT")
def test_actionlint_finds_nothing() -> None:
    files = [str(path.relative_to(ROOT)) for path in GITHUB]
    done = subprocess.run([str(ACTIONLINT), *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not ZIZMOR, reason="zizmor does not lie beside checkov")
def test_zizmor_finds_nothing() -> None:
    command = [str(ZIZMOR), "--offline", "--quiet", "--no-progress", "--min-severity", "medium", *map(str, GITHUB)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not CHECKOV, reason="checkov is neither on the PATH nor in TRIPTYCH_CHECKOV")
def test_checkov_finds_nothing(tmp_path: Path) -> None:
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    shutil.copytree(ROOT / ".azure-pipelines", tmp_path / ".azure-pipelines")
    frameworks = ["--framework", "github_actions", "azure_pipelines"]
    command = [str(CHECKOV), "--directory", str(tmp_path), *frameworks, "--skip-download", "--compact", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
