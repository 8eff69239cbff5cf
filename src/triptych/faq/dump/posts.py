"""What every raw question source offers: links, and a stream of posts in Arrow record batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa

from triptych.faq.dump.columns import SeenIds
from triptych.faq.dump.report import IngestReport

if TYPE_CHECKING:
    import pandas as pd

MAX_BATCH_ROWS = 4096
"""The most rows that a record batch of a post stream holds."""

POST_SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # "question" or "answer"
        pa.field("parent_id", pa.int64()),  # of an answer: its question
        pa.field("accepted_answer_id", pa.int64()),
        pa.field("created", pa.timestamp("ms")),  # UTC; null where missing or unreadable
        pa.field("score", pa.int32(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("body", pa.string(), nullable=False),  # raw HTML
        pa.field("tags", pa.string(), nullable=False),  # space separated
    ]
)
"""The columns of every post stream."""


class Post(NamedTuple):
    """One kept post, its fields in the order of POST_SCHEMA."""

    id: int
    kind: str
    parent_id: int | None
    accepted_answer_id: int | None
    created: int | None
    """Milliseconds since 1970."""

    score: int
    title: str | None
    body: str
    tags: str


@dataclass(frozen=True)
class PostSelection:
    """Say which posts a stream keeps.

    A question is linked if it is either side of a duplicate link. It is kept when it carries one of
    `tags` (or `tags` is empty) and it is linked or falls in the background sample. An answer is kept
    when its question is the original side of a link.
    """

    tags: Sequence[str] = ()
    """Keep only questions that carry one of these; empty: any question."""

    background_every: int = 1
    """Keep questions without a link whose Id is a multiple of this; 0: none, 1: all."""

    workers: int = 0
    """Processes that read; 0: one for each core."""

    def __post_init__(self) -> None:
        if isinstance(self.tags, str):  # what YAML may hold, whatever the annotation says
            raise ValueError(f"tags must be a sequence of strings, not the string {self.tags!r}")
        object.__setattr__(self, "tags", tuple(self.tags))
        if self.background_every < 0:
            raise ValueError(f"background_every must be at least 0, not {self.background_every}")
        if self.workers < 0:
            raise ValueError(f"workers must be at least 0, not {self.workers}")

    def covers_unlinked(self, post_id: int) -> bool:
        """Tell whether a question without a link belongs to the background sample."""
        return self.background_every > 0 and post_id % self.background_every == 0


class PostStream:
    """Iterate over posts in file order, as record batches of at most 4096 rows.

    Nothing is read before the first batch is asked for; every iteration reads the files anew. Of posts with the same
    Id the first one is kept.

    Args:
        read: makes batches of any size, counting what it meets in the report it is given.
    """

    schema = POST_SCHEMA

    def __init__(self, read: Callable[[IngestReport], Iterator[pa.RecordBatch]]) -> None:
        self._read = read
        self._report = IngestReport()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        report, seen = IngestReport(), SeenIds()
        self._report = report
        with report.timed():
            for batch in self._read(report):
                kept = _keep_first(batch, seen, report)
                for start in range(0, kept.num_rows, MAX_BATCH_ROWS):
                    yield kept.slice(start, MAX_BATCH_ROWS)

    @property
    def metadata(self) -> dict[str, Any]:
        """The counts of the latest iteration, JSON-able; complete once that is exhausted."""
        return self._report.as_dict()


def _keep_first(batch: pa.RecordBatch, seen: SeenIds, report: IngestReport) -> pa.RecordBatch:
    """Drop posts whose id came before, and count what is kept into the report."""
    is_new = seen.add(np.from_dlpack(batch.column("id")).astype(np.int64, copy=False))
    kept = batch if is_new.all() else batch.filter(pa.array(is_new))
    questions = kept.column("parent_id").null_count
    report.duplicate_ids += batch.num_rows - kept.num_rows
    report.kept_questions += questions
    report.kept_answers += kept.num_rows - questions
    report.undated_posts += kept.column("created").null_count
    return kept


@runtime_checkable
class QuestionSource(Protocol):
    """A raw dataset's handle: lazy, picklable, usable more than once."""

    def read_links(self) -> pd.DataFrame:
        """Read every duplicate link.

        Returns:
            Columns duplicate_id (int64), original_id (int64), created (datetime64[ns], NaT if unknown),
            one row a pair, sorted by both ids.
        """
        ...

    def read_names(self) -> pd.DataFrame:
        """Read the ids that are text, such as a ticket's; links and posts have numbers in their place.

        Returns:
            Columns id (int64, ascending), name (str); empty where all ids are whole numbers.
        """
        ...

    def read_posts(self, selection: PostSelection) -> PostStream:
        """Stream the selected posts."""
        ...
