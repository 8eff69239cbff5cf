from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from benchmarks.gpu_wheels import BARE, LOCK, WHEELS, pack_tightly, read_versions
from tests.benchmarks.bare import closure_of, needs_of


def test_wheels_need_nothing_that_is_neither_among_them_nor_there_already() -> None:
    there = closure_of(BARE) | set(WHEELS)
    assert {name: needs_of(name) - there for name in WHEELS if needs_of(name) - there} == {}


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12"])
def test_the_lock_has_a_version_of_each(python: str) -> None:
    assert read_versions(LOCK.read_text(encoding="utf-8"), python).keys() == set(WHEELS)


def test_markers_choose_the_version() -> None:
    others = "".join(f"{name}==1.0 \\\n    --hash=sha256:0\n" for name in WHEELS if name != "av")
    lock = f"{others}av==17.1.0 ; python_full_version < '3.11' \\\nav==18.1.0 ; python_full_version >= '3.11' \\\n"
    assert [read_versions(lock, python)["av"] for python in ("3.10", "3.11", "3.12")] == ["17.1.0", "18.1.0", "18.1.0"]
    with pytest.raises(SystemExit, match="lacks av"):
        read_versions(others, "3.12")


def test_a_wheel_packed_tightly_holds_the_same_files(tmp_path: Path) -> None:
    wheel, files = tmp_path / "one-1.0-py3-none-any.whl", {"one.py": b"x = 1\n" * 5000, "one-1.0.dist-info/RECORD": b""}
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    pack_tightly(wheel)
    with zipfile.ZipFile(wheel) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
        assert {item.compress_type for item in archive.infolist()} == {zipfile.ZIP_LZMA}
    assert list(tmp_path.iterdir()) == [wheel]
