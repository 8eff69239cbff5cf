"""Gzip files and 7z members as streams of chunks or lines, with bounded memory."""

from __future__ import annotations

import io
import os
import threading
import zlib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import py7zr
from py7zr.io import NullIO, Py7zIO, WriterFactory

from triptych.errors import InputError
from triptych.faq.dump.xml_blocks import MAX_LINE_BYTES

_CHUNK_BYTES = 1 << 20
_PACKED_BYTES = 64 << 10
_GZIP = 31  # zlib's window bits that say: gzip header and checksum


def gzip_chunks(path: Path, advance: Callable[[int], object]) -> Generator[bytes, None, None]:
    """Decompress a gzip file of one or more members.

    Args:
        path: the file.
        advance: is told the compressed bytes that were read.

    Yields:
        Chunks of at most 1 MiB, so a file that expands a thousandfold costs no memory.

    Raises:
        InputError: truncated or damaged.
    """
    decoder = zlib.decompressobj(_GZIP)
    with path.open("rb") as file:
        try:
            while packed := file.read(_PACKED_BYTES):
                advance(len(packed))
                while packed:
                    if decoder.eof:
                        packed = packed.lstrip(b"\0")  # padding is allowed after a member
                        if not packed:
                            break
                        decoder = zlib.decompressobj(_GZIP)
                    if chunk := decoder.decompress(packed, _CHUNK_BYTES):
                        yield chunk
                    packed = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
            if chunk := decoder.flush():
                yield chunk
        except zlib.error as error:
            raise InputError(f"{path}: damaged gzip file ({error}). Copy or download it again.") from error
    if not decoder.eof:
        raise InputError(f"{path}: truncated gzip file. Copy or download it again.")


def read_lines(path: Path, advance: Callable[[int], object]) -> Generator[bytes, None, None]:
    """Read a file line by line, each with its line feed (decompressed where the name ends in .gz).

    Args:
        path: the file.
        advance: is told the bytes that were read from disk.

    Raises:
        InputError: a line is longer than 64 MiB, or see `gzip_chunks`.
    """
    rest = b""
    with closing(gzip_chunks(path, advance) if path.suffix == ".gz" else _plain_chunks(path, advance)) as chunks:
        for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (line + b"\n" for line in lines)
            if len(rest) > MAX_LINE_BYTES:
                raise InputError(f"{path}: a line longer than {MAX_LINE_BYTES >> 20} MiB: damaged, or of another kind.")
    if rest:
        yield rest


def _plain_chunks(path: Path, advance: Callable[[int], object]) -> Generator[bytes, None, None]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            advance(len(chunk))
            yield chunk


@contextmanager
def _reporting_damage(path: Path) -> Iterator[None]:
    """Turn whatever py7zr raises on a bad archive (many types) into one clear error."""
    try:
        yield
    except (OSError, InputError):
        raise
    except Exception as error:
        raise InputError(
            f"{path}: truncated, damaged or encrypted 7z archive ({type(error).__name__}: {error}). "
            "Copy or download it again."
        ) from error


def list_members(path: Path) -> dict[str, int]:
    """Return the names of a 7z archive's files and their uncompressed sizes in bytes.

    Raises:
        InputError: not a readable 7z archive.
    """
    with _reporting_damage(path), py7zr.SevenZipFile(path) as archive:
        return {info.filename: info.uncompressed for info in archive.list() if not info.is_directory}


def member_chunks(path: Path, member: str, advance: Callable[[int], object]) -> Generator[bytes, None, None]:
    """Decompress one member of a 7z archive, as it goes, without a temporary file.

    py7zr pushes data into a writer; a thread and a pipe turn that into an iterator.

    Args:
        path: the archive.
        member: name of the file in it.
        advance: is told the decompressed bytes that were handed out.

    Yields:
        Chunks of at most 1 MiB.

    Raises:
        InputError: truncated or damaged.
    """
    source, target = os.pipe()
    outcome: Future[None] = Future()
    thread = threading.Thread(target=_extract, args=(path, member, target, outcome), daemon=True)
    thread.start()
    try:
        with os.fdopen(source, "rb") as pipe:
            while chunk := pipe.read(_CHUNK_BYTES):
                advance(len(chunk))
                yield chunk
        outcome.result()
    finally:
        thread.join()


def _extract(path: Path, member: str, target: int, outcome: Future[None]) -> None:
    """Write a member to a pipe; a reader that has gone ends this early."""
    try:
        with (
            suppress(BrokenPipeError),
            os.fdopen(target, "wb") as pipe,
            _reporting_damage(path),
            _SmallReads(path) as file,
            py7zr.SevenZipFile(file) as archive,
        ):
            file.is_small = True
            archive.extract(targets=[member], factory=_PipeWriter(pipe))
        outcome.set_result(None)
    except BaseException as error:  # handed to the reader, which raises it
        outcome.set_exception(error)


class _PipeWriter(NullIO, WriterFactory):
    """Hand what py7zr writes to a pipe."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe

    def create(self, filename: str) -> Py7zIO:  # noqa: ARG002 - only one member is asked for
        return self

    def write(self, data: bytes | bytearray) -> int:
        return self._pipe.write(data)


class _SmallReads(io.FileIO):
    """Read little at a time once `is_small` is set: what py7zr decompresses at once depends on it."""

    is_small = False

    def read(self, size: int | None = -1) -> bytes:
        if self.is_small and size is not None:
            size = min(size, _PACKED_BYTES) if size >= 0 else _PACKED_BYTES
        return super().read(-1 if size is None else size) or b""
