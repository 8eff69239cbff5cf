"""The contracts on imports hold, and each sees a violation."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# What breaks each contract: the file of src/triptych it is planted in, the import, and how it is reported.
PLANTED = {
    "Imports go down": (
        "storage/local_files.py",
        "import triptych.registry.provenance",
        "triptych.storage.local_files -> triptych.registry.provenance",
    ),
    "Workloads do not see each other": (
        "faq/params.py",
        "import triptych.shelf.params",
        "triptych.faq.params -> triptych.shelf.params",
    ),
    "No Kedro in a workload's library, nor below it": (
        "video/media/info.py",
        "import kedro.io",
        "triptych.video.media.info -> kedro",
    ),
    "No circles": ("shelf/data/records.py", "import triptych.shelf.scoring.scoring", ".data -> .scoring"),
}


def lint_imports(project: Path) -> str:
    command = (
        "import sys; sys.path.insert(0, 'src'); "
        "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    )
    run = subprocess.run([sys.executable, "-c", command], cwd=project, capture_output=True, text=True, timeout=300)
    return run.stdout + run.stderr


@pytest.fixture(scope="module")
def report(project: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Lint a copy of the project in which every contract is broken once."""
    copy = tmp_path_factory.mktemp("planted")
    shutil.copy(project / "pyproject.toml", copy)
    shutil.copytree(
        project / "src" / "triptych", copy / "src" / "triptych", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name, statement, _ in PLANTED.values():
        path = copy / "src" / "triptych" / name
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n\n{statement}  # noqa\n")
    (copy / "src" / "triptych" / "audio").mkdir()
    (copy / "src" / "triptych" / "audio" / "__init__.py").write_text("import kedro.io\n", encoding="utf-8")
    return lint_imports(copy)


def test_the_contracts_are_kept(project: Path) -> None:
    report = lint_imports(project)
    assert f"Contracts: {len(PLANTED)} kept, 0 broken." in report, report


@pytest.mark.parametrize("contract", PLANTED)
def test_a_contract_sees_a_planted_import(contract: str, report: str) -> None:
    assert f"{contract} BROKEN" in report, report
    details = report.split(f"\n{contract}\n---", 1)[1]
    assert PLANTED[contract][2] in re.split(r"\n[^\n]+\n-{3,}\n", details)[0], details


def test_a_package_without_a_floor_is_seen(report: str) -> None:
    assert "not listed as layers:\n\n- triptych.audio" in report, report
