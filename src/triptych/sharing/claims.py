"""Which rank does which piece of work, once ranks take over from each other."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from triptych.storage import mirrors

_FOLDER = "claims"


class Work(Protocol):
    """A piece of work."""

    @property
    def key(self) -> str:
        """Name it as no other is, by letters and digits."""

    @property
    def pixels(self) -> int:
        """Count the pixels that are looked at, by which its time goes."""


Piece = TypeVar("Piece", bound=Work)


class Claims:
    """Marks in the folder that all ranks share; each piece is given to one of them.

    A rank that is started again voids its own: what it had claimed, it may not have made.

    Args:
        folder: Where they go.
        job: Name of what the ranks have agreed on.
        rank: Number of this rank.
    """

    def __init__(self, folder: Path, job: str, rank: int) -> None:
        self._folder, self._rank = folder / _FOLDER / job, rank
        self._token = uuid.uuid4().hex
        mirrors.write(self._token_path(rank), self._token)

    def take(self, key: str) -> bool:
        """Claim a piece for this rank, and tell whether it is this rank's."""
        path, mine = self._folder / key, f"{self._rank} {self._token}"
        if mirrors.create(path, mine):
            return True
        claim = mirrors.read(path) or ""
        rank, _, token = claim.partition(" ")
        if claim == mine:
            return True
        if rank.isdigit() and token == mirrors.read(self._token_path(int(rank))):
            return False
        mirrors.write(path, mine)  # of a process that is no more
        return True

    def list_taken(self) -> set[str]:
        """Give the keys of all pieces that are claimed."""
        return {path.name for path in mirrors.list_files(self._folder)}

    def _token_path(self, rank: int) -> Path:
        return self._folder / f"rank-{rank}"


def take_work(
    shares: Sequence[Sequence[Piece]], rank: int, claims: Claims, took_over: Callable[[Piece], object]
) -> Iterator[Piece]:
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
