"""The photos of a folder in chunks, which ranks share, and what became of the photos of each chunk."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triptych import distributed
from triptych.storage import mirrors

_FOLDER = "chunks"
_LARGEST = 64  # photos: few enough that a rank that dies loses little, and that the last rank at work is soon done
_PER_RANK = 8  # chunks


@dataclass(frozen=True)
class Chunk:
    """Some photos of a folder, by name."""

    names: tuple[str, ...]

    @property
    def key(self) -> str:
        """Name the chunk by its photos."""
        return hashlib.sha256("\n".join(self.names).encode("utf-8", "surrogateescape")).hexdigest()[:32]

    @property
    def pixels(self) -> int:
        """Say how much work the chunk is, beside others: the photos are not known yet."""
        return len(self.names)


def share_chunks(names: Sequence[str], ranks: int) -> list[list[Chunk]]:
    """Divide photos into chunks, and the chunks among ranks.

    Args:
        names: Of the photos, in the same order on every rank.
        ranks: How many share them.
    """
    size = max(1, min(_LARGEST, len(names) // (ranks * _PER_RANK)))
    chunks = [Chunk(tuple(names[start : start + size])) for start in range(0, len(names), size)]
    return [distributed.shard(chunks, number, ranks) for number in range(ranks)]


@dataclass(frozen=True)
class Outcome:
    """What became of the photos of a chunk.

    Attributes:
        digests: Hash of what each photo holds whose result is kept, by name.
        rejected: Why each other photo could not be used, by name.
    """

    digests: dict[str, str]
    rejected: dict[str, str]


class Outcomes:
    """Outcomes of the chunks of a job, in the folder that all ranks share.

    Args:
        folder: That folder.
        job: Name of what the ranks have agreed on.
    """

    def __init__(self, folder: Path, job: str) -> None:
        self._folder = folder / _FOLDER / job

    def write(self, chunk: Chunk, outcome: Outcome) -> None:
        """Note the outcome of a chunk of which every photo is done."""
        mirrors.write(self._locate(chunk), json.dumps([outcome.digests, outcome.rejected]))

    def find(self, chunk: Chunk) -> Outcome | None:
        """Give the outcome of a chunk; None where it is not done, or what was noted is damaged."""
        try:
            digests, rejected = json.loads(mirrors.read(self._locate(chunk)) or "null")
            whole = set(digests) | set(rejected) == set(chunk.names)
        except (ValueError, TypeError):
            return None
        return Outcome(digests, rejected) if whole else None

    def fetch(self) -> None:
        """Bring all outcomes here at once, where the folder stands for one elsewhere."""
        mirrors.pull(self._folder)

    def drop(self) -> None:
        """Remove the outcomes of the job, which are of no use to another."""
        for path in mirrors.list_files(self._folder):
            mirrors.drop(path)
        with contextlib.suppress(OSError):  # another process has just written there
            self._folder.rmdir()

    def _locate(self, chunk: Chunk) -> Path:
        return self._folder / f"{chunk.key}.json"
