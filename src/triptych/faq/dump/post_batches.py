"""Arrow record batches of posts: building, de-duplicating and re-cutting them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa

from triptych.faq.dump.arrow_columns import build_record_batch
from triptych.faq.dump.id_set import IdSet
from triptych.faq.dump.posts import MAX_BATCH_ROWS, POST_SCHEMA
from triptych.faq.dump.report import IngestReport

_MAX_PENDING_BYTES = 64 << 20


class Post(NamedTuple):
    """One kept post, its fields in the order of POST_SCHEMA."""

    id: int
    kind: str
    parent_id: int | None
    accepted_answer_id: int | None
    created: int | None
    score: int
    title: str | None
    body: str
    tags: str


def build_batch(posts: list[Post]) -> pa.RecordBatch:
    """Put posts into one record batch of POST_SCHEMA."""
    return build_record_batch(posts, POST_SCHEMA)


def keep_first(batch: pa.RecordBatch, seen: IdSet, report: IngestReport) -> pa.RecordBatch:
    """Drop posts whose id came before, and count what is kept into the report."""
    is_new = [seen.add(post_id) for post_id in batch.column("id").to_pylist()]
    if not all(is_new):
        batch = batch.filter(pa.array(is_new))
    questions = batch.column("parent_id").null_count
    report.duplicate_ids += len(is_new) - batch.num_rows
    report.kept_questions += questions
    report.kept_answers += batch.num_rows - questions
    report.undated_posts += batch.column("created").null_count
    return batch


def recut(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join small batches and split large ones, in order, into batches of at most 4096 rows."""
    pending: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        pending.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= MAX_BATCH_ROWS or size >= _MAX_PENDING_BYTES:
            yield from _joined(pending)
            pending, rows, size = [], 0, 0
    if rows:
        yield from _joined(pending)


def _joined(pieces: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    table = pa.Table.from_batches(pieces, POST_SCHEMA).combine_chunks()
    batches: list[pa.RecordBatch] = table.to_batches(max_chunksize=MAX_BATCH_ROWS)
    return batches
