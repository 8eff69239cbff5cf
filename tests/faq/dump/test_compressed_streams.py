from __future__ import annotations

import gzip
import os
import threading
from pathlib import Path

import py7zr
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triptych.errors import InputError
from triptych.faq.dump import compressed_streams
from triptych.faq.dump.compressed_streams import gzip_chunks, list_members, member_chunks


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.booleans())
def test_gzip_members_are_joined(tmp_path: Path, parts: list[bytes], padded: bool) -> None:
    packed = b"".join(gzip.compress(part) for part in parts) + bytes(100) * padded
    (tmp_path / "x.gz").write_bytes(packed)
    advanced: list[int] = []
    assert b"".join(gzip_chunks(tmp_path / "x.gz", advanced.append)) == b"".join(parts)
    assert sum(advanced) == len(packed)


def test_gzip_bomb_comes_in_small_chunks(tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(bytes(50 << 20)))
    sizes = [len(chunk) for chunk in gzip_chunks(tmp_path / "x.gz", lambda _: None)]
    assert sum(sizes) == 50 << 20
    assert max(sizes) <= 1 << 20


@pytest.mark.parametrize("cut", [0, 5, 15, -1, -8])
def test_gzip_cut_off(tmp_path: Path, cut: int) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(os.urandom(100_000))[:cut])
    with pytest.raises(InputError, match=r"x\.gz: truncated"):
        list(gzip_chunks(tmp_path / "x.gz", lambda _: None))


@pytest.mark.parametrize("junk", [b"junk", b"\0\0junk"])
def test_gzip_with_junk(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"data") + junk)
    with pytest.raises(InputError, match="damaged"):
        list(gzip_chunks(tmp_path / "x.gz", lambda _: None))


def write_archive(path: Path, files: dict[str, bytes]) -> Path:
    with py7zr.SevenZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(data, name)
    return path


def test_members_stream_in_order(tmp_path: Path) -> None:
    files = {"a/Badges.xml": os.urandom(200_000), "a/Posts.xml": os.urandom(3_000_000) + bytes(5 << 20)}
    path = write_archive(tmp_path / "x.7z", files)
    assert list_members(path) == {name: len(data) for name, data in files.items()}
    for name, data in files.items():
        advanced: list[int] = []
        chunks = list(member_chunks(path, name, advanced.append))
        assert b"".join(chunks) == data
        assert max(map(len, chunks)) <= 1 << 20
        assert sum(advanced) == len(data)


def test_leaving_early_ends_the_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed_streams, "_CHUNK_BYTES", 1 << 10)
    path = write_archive(tmp_path / "x.7z", {"x": os.urandom(100_000)})
    before = threading.active_count()
    chunks = member_chunks(path, "x", lambda _: None)
    next(chunks)
    chunks.close()
    assert threading.active_count() == before


def test_not_an_archive(tmp_path: Path) -> None:
    (tmp_path / "x.7z").write_text("no archive")
    with pytest.raises(InputError, match=r"x\.7z: truncated, damaged"):
        list_members(tmp_path / "x.7z")


def test_encrypted_archive(tmp_path: Path) -> None:
    with py7zr.SevenZipFile(tmp_path / "x.7z", "w", password="secret") as archive:  # noqa: S106
        archive.writestr(b"data", "x")
    with pytest.raises(InputError, match="encrypted"):
        list(member_chunks(tmp_path / "x.7z", "x", lambda _: None))
