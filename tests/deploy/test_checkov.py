"""Checkov, a linter that reads Bicep, finds nothing; what is skipped says why beside the resource.

Its pins (networkx) cannot be met beside the project's, so it is run from an environment of its own:
    uv venv /tmp/checkov && uv pip install --python /tmp/checkov/bin/python checkov
    TRIPTYCH_CHECKOV=/tmp/checkov/bin/checkov python -m pytest tests/deploy/test_checkov.py
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.conftest import DEPLOY

CHECKOV = os.environ.get("TRIPTYCH_CHECKOV") or shutil.which("checkov")
needs_checkov = pytest.mark.skipif(not CHECKOV, reason="checkov is neither on the PATH nor in TRIPTYCH_CHECKOV")


def lint(folder: Path) -> dict[str, Any]:
    command = [str(CHECKOV), "--directory", str(folder), "--framework", "bicep", "--output", "json", "--skip-download"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@needs_checkov
def test_it_finds_nothing() -> None:
    found = lint(DEPLOY / "infra")
    assert found["summary"]["parsing_errors"] == 0
    assert found["summary"]["passed"] > 10
    assert [(check["check_id"], check["resource"]) for check in found["results"]["failed_checks"]] == []


@needs_checkov
def test_it_would_find_something(deploy_copy: Path) -> None:
    storage = deploy_copy / "infra/modules/storage.bicep"
    text = storage.read_text(encoding="utf-8")
    storage.write_text(text.replace("'TLS1_2'", "'TLS1_0'"), encoding="utf-8")
    assert {check["check_id"] for check in lint(deploy_copy / "infra")["results"]["failed_checks"]} == {"CKV_AZURE_44"}


def test_whatever_is_skipped_has_a_reason() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (DEPLOY / "infra").rglob("*.bicep"))
    skips = re.findall(r"checkov:skip=([^\n]*)", text)
    assert skips
    assert all(re.fullmatch(r"CKV2?_AZURE_\d+:.{8,}", skip) for skip in skips)
