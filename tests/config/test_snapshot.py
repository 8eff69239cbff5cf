"""What Azure ML would upload with a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml._utils._asset_utils import get_ignore_file, get_upload_files_from_folder

TREE = {
    "src/triptych/settings.py": True,
    "conf/base/faq/catalog.yml": True,
    "data/01_raw/faq/Posts.xml": True,
    "pyproject.toml": True,
    ".telemetry": True,
    "conf/local/credentials.yml": False,
    "data/02_intermediate/faq/posts.parquet": False,
    "data/08_reporting/faq/metrics.json": False,
    "mlflow.db": False,
    "mlartifacts/1/model.txt": False,
    ".venv/bin/python": False,
    ".git/config": False,
    "src/triptych/__pycache__/settings.cpython-311.pyc": False,
    "src/triptych.egg-info/PKG-INFO": False,
    "src/triptych/.mypy_cache/3.11/cache.db": False,
    "tests/toy/pyproject.toml": False,
    "data/README.md": False,
    "tests/conftest.py": False,
    "docs/index.md": False,
}


@pytest.fixture
def snapshot(project: Path, tmp_path: Path) -> set[str]:
    for name in TREE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".amlignore").write_bytes((project / ".amlignore").read_bytes())
    pairs: Any = get_upload_files_from_folder(tmp_path, ignore_file=get_ignore_file(tmp_path))
    return {Path(path).relative_to(tmp_path).as_posix() for path, _ in pairs}


def test_it_holds_code_configuration_and_samples_only(snapshot: set[str]) -> None:
    assert snapshot & set(TREE) == {name for name, taken in TREE.items() if taken}
