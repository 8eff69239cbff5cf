"""Counts of what an ingest met, and the log of rows that it could not read."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

logger = logging.getLogger(__name__)

MAX_LISTED = 20
"""Broken rows that are logged and listed one by one; the rest are only counted."""


@dataclass
class BrokenRows:
    """Count the rows of one ingest that could not be read; log and remember the first 20."""

    count: int = 0
    first: list[dict[str, Any]] = field(default_factory=list)
    is_logged: bool = True
    """False where another pass over the same file logs them."""

    def add(self, file: str, line: int, reason: str) -> None:
        """Count one broken row at a line (from 1) of a file."""
        self.extend(file, [(line, reason)], 1)

    def extend(self, file: str, listed: Sequence[tuple[int, str]], count: int) -> None:
        """Count `count` broken rows, of which the first ones come with line and reason."""
        for line, reason in listed[: MAX_LISTED - len(self.first)]:
            if self.is_logged:
                logger.warning("%s, line %d: row skipped: %s", file, line, reason)
            self.first.append({"file": file, "line": line, "reason": reason})
        self.count += count

    def summarise(self, file: str, broken: int, rows: int) -> None:
        """Log one line on how many of a file's rows were broken, if any."""
        if broken and self.is_logged:
            logger.warning("%s: %d of %d rows were broken and skipped", file, broken, rows)


@dataclass
class IngestReport:
    """Count what one pass over the posts met."""

    rows: int = 0
    """Rows of the posts files, broken ones included."""

    questions: int = 0
    answers: int = 0
    other_posts: int = 0
    """Readable posts that are neither (wiki pages, nominations ...)."""

    kept_questions: int = 0
    kept_answers: int = 0
    duplicate_ids: int = 0
    """Selected rows dropped because an earlier selected row has their Id."""

    undated_posts: int = 0
    """Kept posts without a readable creation date."""

    unmatched_duplicates: int = 0
    """TSV triple only: duplicates whose AnswerId no original question has."""

    bytes: int = 0
    """Decompressed bytes of Posts.xml; of the TSV triple, bytes on disk."""

    seconds: float = 0.0
    links: dict[str, int] = field(default_factory=dict)
    """Readable links by LinkTypeId (1: related, 3: duplicate)."""

    files: list[dict[str, Any]] = field(default_factory=list)
    """Name and size on disk of each file read."""

    broken: BrokenRows = field(default_factory=BrokenRows)
    broken_links: BrokenRows = field(default_factory=BrokenRows)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measure the wall time of a block into `seconds`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds = round(time.perf_counter() - start, 3)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON types."""
        counts = asdict(self)
        for name, key in (("broken", "rows"), ("broken_links", "links")):
            broken = counts.pop(name)
            counts[f"broken_{key}"] = broken["count"]
            counts["first_broken_lines" if key == "rows" else "first_broken_links"] = broken["first"]
        return counts
