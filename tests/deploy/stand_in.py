"""What stands for az, kedro and triptych in tests of the scripts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BASH = shutil.which("bash") or "/bin/bash"
OUTPUTS = """{
"subscriptionId": {"value": "0"}, "resourceGroup": {"value": "rg-triptych"}, "workspace": {"value": "mlw-triptych"},
"cpuCluster": {"value": "cpu-cluster"}, "gpuCluster": {"value": "gpu-cluster"},
"mediaAccount": {"value": "triptychmediaabc123"}, "workAccount": {"value": "triptychworkabc123"},
"isolated": {"value": false}
}"""
# Stands in for az, kedro and triptych: notes what it is asked for, and answers as a file says. What storage says are
# the lines of the file `storage`, each once; `traffic` has the deployments of an endpoint with their shares.
STAND_IN = """#!/usr/bin/env bash
echo "$(basename "$0") $*" >> "$CALLS"
case "$*" in
  "storage blob list"*)
    answer="$(head -1 "$ANSWERS/storage" 2>/dev/null)"
    if [[ -z "$answer" ]]; then exit 0; fi
    sed -i 1d "$ANSWERS/storage"
    echo "ERROR: $answer" >&2
    exit 1 ;;
  "azure submit"*) echo "$3: job1 https://example.org" ;;
  "ml job show"*) cat "$ANSWERS/status" 2>/dev/null || echo Completed ;;
  "ml model show"*"git_commit"*) cat "$ANSWERS/commit" ;;
  "ml model show"*"--registry-name"*)
    if [[ ! -e "$ANSWERS/shared" ]]; then echo "not found" >&2; exit 3; fi
    echo 1 ;;
  "ml model download"*)
    all="$*"
    folder="${all#*--download-path }"
    mkdir -p "${folder%% *}/model/artifacts"
    if [[ ! -e "$ANSWERS/old" ]]; then echo 1 > "${folder%% *}/model/artifacts/drift_reference.parquet"; fi ;;
  "monitor metrics list"*) cat "$ANSWERS/metrics" 2>/dev/null || echo '{"value": []}' ;;
  "acr repository show"*) echo sha256:abc ;;
  "ml compute show"*) cat "$ANSWERS/cluster" 2>/dev/null || { echo "not found" >&2; exit 3; } ;;
  "monitor autoscale "*)
    if [[ ! -e "$ANSWERS/scaling" ]]; then echo "(ResourceNotFound)" >&2; exit 3; fi
    echo scaling ;;
  "ml online-endpoint invoke"*) [[ ! -e "$ANSWERS/broken" ]] ;;
  "ml online-deployment list"*) cut -d' ' -f1 "$ANSWERS/traffic" 2>/dev/null || true ;;
  *"--query traffic."*)
    all="$*"
    colour="${all##*traffic.}"
    sed -n "s/^${colour%% *} //p" "$ANSWERS/traffic" 2>/dev/null ;;
  "keyvault show-deleted"*location*) echo westeurope ;;
  "deployment sub create"*) cat "$ANSWERS/outputs" ;;
  "ad signed-in-user"*) echo me ;;
  "account show"*) echo subscription ;;
  "kedro"* | *"create"* | *"delete"* | *"purge"* | *"update"* | *"register"* | *"upload"* | *"check"*) ;;
  *"show"* | *"list"*)
    if [[ -e "$ANSWERS/refused" ]]; then echo "AuthorizationFailed" >&2; exit 1; fi
    if [[ -e "$ANSWERS/there" ]]; then echo 1; else echo "(ResourceNotFound) it was not found" >&2; exit 3; fi ;;
esac
"""


def run(script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BASH, str(script), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
    )


def commands_of(output: str) -> list[str]:
    return [line[2:] for line in output.splitlines() if line.startswith("+ ")]


@pytest.fixture
def azure(tmp_path: Path) -> dict[str, str]:
    """Commands that only take notes, first on the PATH."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("az", "kedro", "triptych"):
        (tools / name).write_text(STAND_IN, encoding="utf-8")
        (tools / name).chmod(0o755)
    (tmp_path / "outputs").write_text(OUTPUTS, encoding="utf-8")
    path = f"{tools}:{os.environ['PATH']}"
    return {"PATH": path, "CALLS": str(tmp_path / "calls"), "ANSWERS": str(tmp_path)}


def calls(azure: dict[str, str]) -> list[str]:
    file = Path(azure["CALLS"])
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return lines
