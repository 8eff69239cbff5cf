"""Photos prepared for training, on this machine's disk: made once, mapped by every process that wants them.

They are in the system's folder for temporary files (`TMPDIR`), where ranks, loading processes, the trials of a search
and the next training of the same data find them. Mapped files are not a process's own memory: the system keeps what
fits, and takes it back where memory is short.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from triptych.shelf.preparation.object_masks import ObjectMask
from triptych.storage.local_files import replace_file

_logger = logging.getLogger(__name__)
_LOCK = "in_use"
_PER_FOLDER = 1000  # files


class KeptPhoto(NamedTuple):
    """A photo as it is kept: no larger than any variation of it needs.

    Attributes:
        image: RGB, H x W x 3.
        boxes: N x 4, left, top, right, bottom on this image.
        labels: N, from 1.
        masks: N, None for an object that has none; or None where no masks are learnt.
        target: Height and width that the detector scales the photo to.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: list[ObjectMask | None] | None
    target: tuple[int, int]


class PreparedPhotos:
    """The prepared photos of one role, for one size: a folder with a file for each.

    While this object lives, no other process removes it.

    Args:
        key: Names all that the photos depend on.
    """

    def __init__(self, key: str) -> None:
        self.folder = _root() / key
        self._lock = _hold(self.folder)
        self._full = False

    def read(self, index: int) -> KeptPhoto | None:
        """Map a photo; None where it has not been prepared, or its file is damaged."""
        path = self._locate(index)
        try:
            return _unpack(torch.load(path, mmap=True, weights_only=True))
        except FileNotFoundError:
            return None
        except Exception as error:  # torch raises almost anything on a damaged file
            _logger.warning("%s is damaged (%s): the photo is prepared again", path, error)
            return None

    def write(self, index: int, photo: KeptPhoto) -> None:
        """Keep a photo; it appears whole. Where the disk is full it is not kept, which is said once."""
        if self._full:
            return
        try:
            with replace_file(self._locate(index)) as part:
                torch.save(_pack(photo), part)
        except (OSError, RuntimeError) as error:  # torch's own writer raises the latter
            self._full = True
            _logger.warning("Prepared photos cannot be kept in %s, and are prepared each time: %s", self.folder, error)

    def _locate(self, index: int) -> Path:
        return self.folder / f"{index // _PER_FOLDER:03}" / f"{index:06}.pt"


def free_space(most: int) -> int:
    """Give how many bytes prepared photos may take: at most so many, and half of what the disk has for them."""
    root = _root()
    return min(most, (shutil.disk_usage(root).free + sum(_measure(folder) for folder in root.iterdir())) // 2)


def remove_others(kept: int, most: int) -> None:
    """Remove what no training uses at the moment, longest unused first, until there is room.

    Args:
        kept: Bytes that the folders in use will take.
        most: Bytes that all may take together.
    """
    idle = sorted(((_changed(folder), folder) for folder in _root().iterdir() if not _is_held(folder)), reverse=True)
    total = kept
    for _, folder in idle:
        total += _measure(folder)
        if total > most:
            shutil.rmtree(folder, ignore_errors=True)


def _root() -> Path:
    """Give this user's folder, which nobody else can write to."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    root = Path(tempfile.gettempdir()) / f"triptych-prepared-{user}"
    root.mkdir(mode=0o700, exist_ok=True)
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != user):
        raise PermissionError(f"{root} belongs to somebody else: remove it, or set TMPDIR to a folder of yours")
    return root


def _hold(folder: Path) -> Any:
    """Mark a folder as in use until what is returned is closed, or the process ends, however it does."""
    folder.mkdir(exist_ok=True)
    os.utime(folder)
    lock = (folder / _LOCK).open("w")
    with contextlib.suppress(ImportError):  # there is none on Windows, where files in use cannot be removed anyway
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


def _is_held(folder: Path) -> bool:
    try:
        import fcntl

        with (folder / _LOCK).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (ImportError, OSError):
        pass
    return False


def _measure(folder: Path) -> int:
    return sum(_sizes(folder))


def _sizes(folder: Path) -> Iterator[int]:
    for path in folder.rglob("*.pt"):
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            yield path.stat().st_size


def _changed(folder: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return folder.stat().st_mtime
    return 0.0


def _pack(photo: KeptPhoto) -> dict[str, Any]:
    arrays = {name: np.require(getattr(photo, name), requirements="W") for name in ("image", "boxes", "labels")}
    packed: dict[str, Any] = {name: torch.from_numpy(array) for name, array in arrays.items()}
    masks = None
    if photo.masks is not None:
        # In one piece, as each tensor of a file takes time to map.
        shapes = [(0, 0, 0.0, 0.0) if mask is None else (*mask.cover.shape, *mask.corner) for mask in photo.masks]
        covers = [mask.cover.ravel() for mask in photo.masks if mask is not None]
        flat = np.concatenate(covers) if covers else np.zeros(0, np.uint8)
        masks = {"shapes": shapes, "covers": torch.from_numpy(flat)}
    return packed | {"masks": masks, "target": photo.target}


def _unpack(packed: dict[str, Any]) -> KeptPhoto:
    image, boxes, labels = (packed[name].numpy() for name in ("image", "boxes", "labels"))
    masks: list[ObjectMask | None] | None = None
    if packed["masks"] is not None:
        masks, covers, start = [], packed["masks"]["covers"].numpy(), 0
        for height, width, x, y in packed["masks"]["shapes"]:
            end = start + height * width
            masks.append(ObjectMask(covers[start:end].reshape(height, width), (x, y)) if height else None)
            start = end
    return KeptPhoto(image, boxes, labels, masks, packed["target"])
