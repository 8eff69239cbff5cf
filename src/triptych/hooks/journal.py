"""A file in which all processes of one run note when each node starts and what it has saved."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from kedro.pipeline.node import Node

_VARIABLE = "TRIPTYCH_RUN_JOURNAL"


@dataclass
class NodeTimes:
    """What the journal knows of one node."""

    started: float
    """Seconds since the epoch when its first input began to load."""
    last: float
    """Seconds since the epoch of its latest entry."""
    done: set[str] = field(default_factory=set)
    """Datasets saved, and an empty name once the function has returned."""

    @property
    def seconds(self) -> float:
        """Seconds from the first input's loading to the last output's saving."""
        return self.last - self.started

    def finished(self, node: Node) -> bool:
        """Tell whether the function returned and every output was saved."""
        return self.done >= {"", *node.outputs}


def open_journal() -> Path:
    """Start a journal; runners' worker processes find it by an environment variable, however they start.

    Returns:
        Its path, in a new private folder.
    """
    path = Path(tempfile.mkdtemp(prefix="triptych-run-")) / "journal.jsonl"
    path.touch()
    os.environ[_VARIABLE] = str(path)
    return path


def close_journal(path: Path) -> None:
    """Remove a journal.

    Args:
        path: What `open_journal` returned.
    """
    os.environ.pop(_VARIABLE, None)
    shutil.rmtree(path.parent, ignore_errors=True)


def note(node: Node, done: str | None = None) -> None:
    """Append an entry; does nothing outside a run.

    Args:
        node: The node at work.
        done: The dataset it saved, an empty text if its function returned, None if it starts.
    """
    if path := os.environ.get(_VARIABLE):
        entry = json.dumps([node.name, time.time(), done]) + "\n"
        # One short write in append mode is not torn by other processes.
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(entry)


def read_journal(path: Path) -> dict[str, NodeTimes]:
    """Read the entries of a run.

    Args:
        path: What `open_journal` returned.

    Returns:
        Times by node name, in order of their start.
    """
    lines: Iterable[str] = path.read_text(encoding="utf-8").splitlines()
    times: dict[str, NodeTimes] = {}
    for name, moment, done in map(json.loads, lines):
        node = times.setdefault(name, NodeTimes(moment, moment))
        node.last = moment
        if done is not None:
            node.done.add(done)
    return times
