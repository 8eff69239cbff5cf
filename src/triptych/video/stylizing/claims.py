"""Which rank makes which segment, once ranks take over from each other."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from triptych.storage import mirrors
from triptych.storage.local_files import replace_file
from triptych.video.stylizing.store import SegmentStore
from triptych.video.stylizing.work import Work

__all__ = ["Claims", "take_work"]

_FOLDER = "claims"


class Claims:
    """Marks in the folder that all ranks share; each segment is given to one of them.

    A rank that is started again voids its own: what it had claimed, it may not have made.

    Args:
        store: The segments.
        job: Name of what the ranks have agreed on.
        rank: Number of this rank.
    """

    def __init__(self, store: SegmentStore, job: str, rank: int) -> None:
        self._folder, self._rank = store.folder / _FOLDER / job, rank
        self._token = uuid.uuid4().hex
        self._write(self._token_path(rank), self._token)

    def take(self, key: str) -> bool:
        """Claim a segment for this rank, and tell whether it is this rank's."""
        path, mine = self._folder / key, f"{self._rank} {self._token}"
        if mirrors.create(path, mine):
            return True
        claim = _read(path)
        rank, _, token = claim.partition(" ")
        if claim == mine:
            return True
        if rank.isdigit() and token == _read(self._token_path(int(rank))):
            return False
        self._write(path, mine)  # of a process that is no more
        return True

    def list_taken(self) -> set[str]:
        """Give the keys of all segments that are claimed."""
        return {path.name for path in mirrors.list_files(self._folder)}

    def _token_path(self, rank: int) -> Path:
        return self._folder / f"rank-{rank}"

    def _write(self, path: Path, text: str) -> None:
        with replace_file(path) as part:
            part.write_text(text, encoding="utf-8")
        mirrors.push(path)


def _read(path: Path) -> str:
    mirrors.pull(path)
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def take_work(
    shares: Sequence[Sequence[Work]], rank: int, claims: Claims, took_over: Callable[[Work], object]
) -> Iterator[Work]:
    """Give a rank its share from the front, then what others have left, from the back of whoever has most.

    Args:
        shares: Of every rank.
        rank: This one.
        claims: Who makes what.
        took_over: Called with what is another's.
    """
    for work in shares[rank]:
        if claims.take(work.key):
            yield work
    while True:
        taken = claims.list_taken()
        left = [[work for work in share if work.key not in taken] for share in shares]
        most = max(left, key=lambda share: sum(work.pixels for work in share), default=[])
        if not most:
            return
        if claims.take(most[-1].key):
            took_over(most[-1])
            yield most[-1]
