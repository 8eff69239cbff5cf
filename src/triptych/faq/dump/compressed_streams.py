"""Gzip files and 7z members as streams of chunks, with bounded memory."""

from __future__ import annotations

import io
import queue
import threading
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import py7zr
from py7zr.io import Py7zIO, WriterFactory

from triptych.errors import InputError

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


@contextmanager
def _reporting_damage(path: Path) -> Iterator[None]:
    """Turn whatever py7zr raises on a bad archive (many types) into one clear error."""
    try:
        yield
    except (OSError, InputError, _Stopped):
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

    py7zr pushes data into a writer; a thread and a short queue turn that into an iterator.

    Args:
        path: the archive.
        member: name of the file in it.
        advance: is told the decompressed bytes that were handed out.

    Raises:
        InputError: truncated or damaged.
    """
    pipe = _Pipe()
    thread = threading.Thread(target=_extract, args=(path, member, pipe), daemon=True)
    thread.start()
    try:
        while (item := pipe.queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            advance(len(item))
            yield item
    finally:
        pipe.stop.set()
        thread.join()


class _Stopped(Exception):  # noqa: N818 - a signal, not an error
    """The consumer has gone."""


class _Pipe(Py7zIO, WriterFactory):
    """Take what py7zr writes and queue it in small chunks."""

    def __init__(self) -> None:
        self.queue: queue.Queue[bytes | BaseException | None] = queue.Queue(maxsize=8)
        self.stop = threading.Event()
        self._written = 0

    def create(self, filename: str) -> Py7zIO:  # noqa: ARG002 - only one member is asked for
        return self

    def put(self, item: bytes | BaseException | None) -> None:
        """Queue an item as soon as there is room, unless the consumer has gone."""
        while not self._offer(item):
            if self.stop.is_set():
                raise _Stopped

    def _offer(self, item: bytes | BaseException | None) -> bool:
        try:
            self.queue.put(item, timeout=0.1)
        except queue.Full:
            return False
        return True

    def write(self, s: bytes | bytearray) -> int:
        view = memoryview(s)
        for start in range(0, len(view), _CHUNK_BYTES):
            self.put(bytes(view[start : start + _CHUNK_BYTES]))
        self._written += len(view)
        return len(view)

    def read(self, size: int | None = None) -> bytes:  # noqa: ARG002 - nothing is kept
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002 - nothing is kept
        return 0

    def flush(self) -> None:
        """Do nothing: every write is handed on at once."""

    def size(self) -> int:
        return self._written


class _SmallReads(io.FileIO):
    """Read little at a time once `is_small` is set: what py7zr decompresses at once depends on it."""

    is_small = False

    def read(self, size: int | None = -1) -> bytes:
        if self.is_small and size is not None:
            size = min(size, _PACKED_BYTES) if size >= 0 else _PACKED_BYTES
        return super().read(-1 if size is None else size) or b""


def _extract(path: Path, member: str, pipe: _Pipe) -> None:
    try:
        with _reporting_damage(path), _SmallReads(path) as file, py7zr.SevenZipFile(file) as archive:
            file.is_small = True
            archive.extract(targets=[member], factory=pipe)
        pipe.put(None)
    except _Stopped:
        pass
    except BaseException as error:  # handed to the consumer, which raises it
        with suppress(_Stopped):
            pipe.put(error)
