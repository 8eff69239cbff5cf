"""Where a model comes from is recorded so that two can be told apart."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import triptych
from triptych.parameters.base import Params
from triptych.registry import provenance
from triptych.registry.provenance import (
    find_commit,
    fingerprint_ids,
    fingerprint_tables,
    fingerprint_texts,
    flatten_parameters,
    tag_version,
)


class SplitParams(Params):
    seed: int = 0


def test_parameters_are_named_as_kedro_mlflow_names_them() -> None:
    assert flatten_parameters("faq", split=SplitParams(seed=3), other=SplitParams()) == {
        "faq.split.seed": 3,
        "faq.other.seed": 0,
    }


def test_tags_are_text_and_name_the_commit_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "find_commit", lambda folder: "c0ffee")
    tags = {"data_fingerprint": "abc", "code": triptych.__version__, "mrr": "0.5234"}
    assert tag_version("abc", {"mrr": 0.52345}) == tags | {"git_commit": "c0ffee"}
    monkeypatch.setattr(provenance, "find_commit", lambda folder: None)
    assert tag_version("abc", {"mrr": 0.52345}) == tags


TABLE = pd.DataFrame(
    {"question_id": [1, 2], "title": ["a", "ä"], "created": pd.to_datetime(pd.Series(["2015-01-01", None]))}
)


def test_it_is_the_same_in_every_process() -> None:
    code = (
        "import pandas as pd\n"
        "from triptych.registry.provenance import fingerprint_tables\n"
        "table = pd.DataFrame({'question_id': [1, 2], 'title': ['a', 'ä'], "
        "'created': pd.to_datetime(['2015-01-01', None])})\n"
        "print(fingerprint_tables([table]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == fingerprint_tables([TABLE])


def test_every_cell_column_and_row_counts() -> None:
    changed = [
        TABLE.assign(title=["a", "b"]),
        TABLE.rename(columns={"title": "text"}),
        TABLE.head(1),
        TABLE.iloc[::-1],
        TABLE[["title", "question_id", "created"]],
    ]
    assert len({fingerprint_tables([table]) for table in [TABLE, *changed]}) == 6
    assert fingerprint_tables([TABLE, TABLE.head(0)]) != fingerprint_tables([TABLE])


def test_the_index_does_not_count() -> None:
    assert fingerprint_tables([TABLE.set_index(pd.Index([7, 8]))]) == fingerprint_tables([TABLE])


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_ids_are_a_set(first: list[int], second: list[int]) -> None:
    prints = [fingerprint_ids(np.array(ids, dtype=np.int64)) for ids in (first, second)]
    assert (prints[0] == prints[1]) == (set(first) == set(second))
    assert fingerprint_ids(np.array(first[::-1] * 2, dtype=np.int64)) == prints[0]


@given(st.lists(st.text()), st.lists(st.text()))
def test_texts_are_a_set(first: list[str], second: list[str]) -> None:
    prints = [fingerprint_texts(texts) for texts in (first, second)]
    assert (prints[0] == prints[1]) == (set(first) == set(second))
    assert fingerprint_texts(first[::-1] * 2) == prints[0]


GIT = shutil.which("git")
pytestmark = pytest.mark.skipif(GIT is None, reason="no git")


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    command = [str(GIT), "-C", str(folder), *identity, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "src" / "package"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("", encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "First")
    return folder


def test_it_is_the_commit_and_tells_of_changes(package: Path) -> None:
    head = git(package, "rev-parse", "HEAD")
    git(package, "tag", "v1")
    assert find_commit(package) == head
    (package / "__init__.py").write_text("changed = True\n", encoding="utf-8")
    assert find_commit(package) == f"{head}-dirty"


def test_a_folder_that_git_does_not_track_has_none(package: Path) -> None:
    installed = package.parent / "site-packages" / "package"
    installed.mkdir(parents=True)
    (installed / "__init__.py").touch()
    assert find_commit(installed) is None


def test_the_snapshot_of_a_job_is_told_by_the_environment(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPTYCH_COMMIT", "c0ffee")
    (tmp_path / "snapshot").mkdir()
    assert find_commit(tmp_path / "snapshot") == "c0ffee"
    assert find_commit(package) == git(package, "rev-parse", "HEAD")  # git knows better


def test_outside_git_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "__init__.py").touch()
    assert find_commit(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_commit(Path(__file__).parent) is None
