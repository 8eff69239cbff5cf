"""Files and folders on this machine: written whole or not at all, linked or copied, told apart by what they hold."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_BLOCK = 2**20  # bytes
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
_SWAPS = 100  # tries where other processes replace the same folder
_LONGEST_NAME = 255  # bytes, on all common file systems
_SHOWN = 50  # characters of a name in that of a file beside it


def add_ending(name: str, ending: str) -> str:
    """Put an ending behind the name of a file.

    What would then be longer than file systems take is cut, and a hash tells it from others that begin alike: names
    of up to 255 bytes are common among downloads.

    Args:
        name: Without folders.
        ending: ASCII.
    """
    encoded = os.fsencode(name)
    if len(encoded) + len(ending) <= _LONGEST_NAME:
        return name + ending
    ending = f"~{hashlib.sha256(encoded).hexdigest()[:8]}{ending}"
    return encoded[: _LONGEST_NAME - len(ending)].decode("utf-8", "ignore") + ending


def _name_beside(path: Path, ending: str) -> Path:
    return path.with_name(f".{path.name[:_SHOWN]}.{uuid.uuid4().hex[:8]}.{ending}")


@contextmanager
def replace_file(target: Path) -> Iterator[Path]:
    """Give a name beside the target, and rename the file written there once the block ends well.

    If the block fails, the target stays as it was and nothing is left behind. The name ends in `.part`: what looks
    for files by their suffix never finds a half of one.

    Args:
        target: The file to write or replace, its folder is made if it is missing; of a symbolic link, what it points
            to.
    """
    target = target.resolve() if target.is_symlink() else target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _name_beside(target, "part")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def create_file(path: Path, content: bytes) -> bool:
    """Write a file unless there is one, and tell whether it was written.

    Of several processes that do so at the same moment, only one is told yes, and none sees half of the content: it is
    written under another name, and gets its own by a hard link, which fails where the name is taken.

    Args:
        path: The file; its folder is made if it is missing.
        content: What it is to hold.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _name_beside(path, "part")
    try:
        part.write_bytes(content)
        try:
            os.link(part, path)
        except FileExistsError:
            raise
        except OSError:  # there are none on some network shares
            with path.open("xb") as file:
                file.write(content)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


@contextmanager
def replace_folder(target: Path, check: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Give a new empty folder beside the target, and put it in the target's place once it is filled.

    If filling it fails, or the swap does, the target stays as it was. At no moment are both the old and the new folder
    gone: the old one is moved aside, and removed last.

    Args:
        target: The folder to write or replace; of a symbolic link, what it points to.
        check: Is given the old folder, once nobody else can replace it, and raises an error if it is to stay.

    Raises:
        FileExistsError: If there is a file of that name.
    """
    target = target.resolve()
    if target.is_file():
        raise FileExistsError(f"{target} is a file where a folder is to go: move it away, or give another path")
    part = _name_beside(target, "part")
    part.mkdir(parents=True)
    try:
        yield part
        _swap(part, target, check)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _swap(part: Path, target: Path, check: Callable[[Path], None] | None) -> None:
    """Move the old folder aside, put the new one in its place, and only then remove the old one."""
    aside: list[Path] = []
    try:
        for _ in range(_SWAPS):
            aside += _move_aside(target)
            if check and aside:
                check(aside[-1])
            try:
                part.rename(target)
                break
            except OSError as error:
                if error.errno not in _TAKEN:  # else another process was quicker
                    raise
        else:
            raise OSError(f"{target} is replaced by other processes all the time")
    except BaseException as error:  # a key pressed in between must not lose it either
        _put_back(aside, target, error)
        raise
    for folder in aside:
        _remove(folder)


def _move_aside(target: Path) -> list[Path]:
    old = _name_beside(target, "old")
    try:
        target.rename(old)
    except FileNotFoundError:  # there is none, or another process was quicker
        return []
    return [old]


def _put_back(aside: list[Path], target: Path, error: BaseException) -> None:
    """Give the target its latest folder again, unless another process has put its own there."""
    if not aside:
        return
    *others, latest = aside
    for folder in others:
        _remove(folder)
    if target.exists():
        _remove(latest)
        return
    try:
        latest.rename(target)
    except OSError:
        raise OSError(f"{target} could not be replaced ({error}); the earlier folder is kept as {latest}") from error


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # what is left is hidden, and harms nobody


def hash_file(path: Path) -> str:
    """Hash what a file holds.

    Returns:
        SHA-256, 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; where the file system cannot, copy it.

    Args:
        source: The file; of a symbolic link, what it points to.
        target: A name that is free.
    """
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
