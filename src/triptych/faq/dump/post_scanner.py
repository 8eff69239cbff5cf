"""Blocks of a Stack Exchange dump's lines to Arrow columns; runs in worker processes.

A row that the selection drops is recognised from its first attributes, as bytes: Stack Exchange writes
`<row Id="N" PostTypeId="T"` and, for answers, ` ParentId="P"` first. Whatever looks different takes the slow
way, a full XML parse, so the result is that of parsing every row. The one difference: a dropped row is
checked for its form (`<row ... />`, no stray `<`, UTF-8) but its XML is not parsed, so errors inside it, such
as an undefined entity, are not counted.

Columns: https://meta.stackexchange.com/questions/2677 (database schema documentation).
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
import pyarrow as pa

from triptych.faq.dump.columns import Ids, build_record_batch, contains, parse_timestamp_ms
from triptych.faq.dump.posts import POST_SCHEMA, Post, PostSelection
from triptych.faq.dump.report import MAX_LISTED
from triptych.faq.dump.xml_blocks import Block
from triptych.faq.dump.xml_rows import (
    MAX_ID,
    MAX_TYPE,
    BrokenRowError,
    Flags,
    RefusedRowError,
    RowStarts,
    parse_row,
    read_id,
    read_integer,
    read_row_starts,
)

_LINK = re.compile(
    rb'<row Id="[0-9]{1,9}" CreationDate="([0-9T:.-]*)" PostId="([0-9]{1,9})"'
    rb' RelatedPostId="([0-9]{1,9})" LinkTypeId="([1-9][0-9]?)" ?/>'
)
_TAG = r"[^<>|\x20\t\r\n]+"
_TAGS_TEXT, _TAGS_BYTES = re.compile(_TAG), re.compile(_TAG.encode())
_SINGLE_QUOTED = re.compile(rb"=\s*'")
_QUESTION, _ANSWER = 1, 2
_DUPLICATE_LINK = 3
"""LinkTypeId of a link from a duplicate (PostId) to its original (RelatedPostId)."""

Record = TypeVar("Record")

LINK_SCHEMA = pa.schema([("duplicate_id", pa.int64()), ("original_id", pa.int64()), ("created", pa.timestamp("ms"))])
"""One duplicate link a row."""


@dataclass
class BlockCounts:
    """What scanning one block of lines found."""

    lines: int = 0
    bytes: int = 0
    kinds: Counter[int] = field(default_factory=Counter)
    """Readable rows by PostTypeId or LinkTypeId."""

    broken: int = 0
    first_broken: list[tuple[int, str]] = field(default_factory=list)
    """Line in the block (from 1) and reason, of the first few."""

    refused_line: int | None = None
    """Line in the block (from 1) that declares a document type or entity; scanning stopped there."""

    batch: pa.RecordBatch | None = None

    @property
    def rows(self) -> int:
        """All rows, broken ones included."""
        return self.kinds.total() + self.broken

    def add_broken(self, line: int, reason: str) -> None:
        """Count a broken row."""
        self.broken += 1
        if len(self.first_broken) < MAX_LISTED:
            self.first_broken.append((line, reason))


@dataclass(frozen=True)
class PostScanner:
    """Turn a block of Posts.xml lines into the selected posts. Sent once to each worker."""

    linked: Ids
    """Questions on either side of a duplicate link; sorted."""

    originals: Ids
    """Those on the original side; sorted."""

    selection: PostSelection

    def __call__(self, block: Block) -> BlockCounts:
        """Scan one block of whole lines."""
        data = block.read()
        counts = BlockCounts(bytes=len(data))
        posts = list(_read_lines(self._undropped_lines(data, counts), self._read_post, counts))
        counts.batch = build_record_batch(posts, POST_SCHEMA) if posts else None
        return counts

    def _undropped_lines(self, data: bytes, counts: BlockCounts) -> Iterator[tuple[int, bytes]]:
        """Yield number and text of the lines that bytes alone cannot drop; count the others."""
        for rows in read_row_starts(data):
            is_dropped = rows.is_usual & ~self._may_keep(rows)
            counts.kinds.update(rows.kind[is_dropped].tolist())
            for index in np.flatnonzero(~is_dropped).tolist():
                text = data[rows.start[index] : rows.end[index]].strip()
                if rows.is_usual[index] and rows.kind[index] == _QUESTION and self._lacks_tags(text):
                    counts.kinds[_QUESTION] += 1
                elif text:
                    yield counts.lines + index + 1, text
            counts.lines += len(is_dropped)

    def _may_keep(self, rows: RowStarts) -> Flags:
        """Tell which rows the selection may keep, tags aside, given their first attributes."""
        questions: Flags = (rows.kind == _QUESTION) & self._covers(rows.post_id)
        answers: Flags = (rows.kind == _ANSWER) & ((rows.parent == 0) | contains(self.originals, rows.parent))
        return np.logical_or(questions, answers)

    def _covers(self, question_ids: Ids) -> Flags:
        every = self.selection.background_every
        is_linked = contains(self.linked, question_ids)
        return is_linked | (question_ids % np.int64(every) == 0) if every else is_linked

    def _lacks_tags(self, row: bytes) -> bool:
        """Tell whether a question surely carries none of the selected tags.

        Certain only where no value is single-quoted (so ` Tags="` is not text inside a value) and the tags
        look as usual; anything else says False and is decided after parsing.
        """
        if not self._tags:
            return False
        value = row.rpartition(b' Tags="')[2].partition(b'"')[0]
        if not value.startswith((b"&lt;", b"|")) or _SINGLE_QUOTED.search(row):
            return False
        value = value.replace(b"&lt;", b"<").replace(b"&gt;", b">")
        return b"&" not in value and self._tags.isdisjoint(_TAGS_BYTES.findall(value))

    def _read_post(self, text: bytes) -> tuple[int, Post | None]:
        attributes = parse_row(text)
        post_id = read_id(attributes)
        kind = read_integer(attributes, "PostTypeId", 1, MAX_TYPE)
        if kind == _QUESTION:
            return kind, self._read_question(post_id, attributes)
        if kind == _ANSWER:
            return kind, self._read_answer(post_id, attributes)
        return kind, None

    def _read_question(self, post_id: int, attributes: dict[str, str]) -> Post | None:
        tags = split_tags(attributes.get("Tags", ""))
        is_covered = self.selection.covers_unlinked(post_id) or contains(self.linked, np.int32(post_id))
        if not is_covered or (self._tags and self._tags.isdisjoint(tag.encode() for tag in tags)):
            return None
        accepted = read_id(attributes, "AcceptedAnswerId") if "AcceptedAnswerId" in attributes else None
        return _make_post(post_id, "question", None, accepted, attributes, " ".join(tags))

    def _read_answer(self, post_id: int, attributes: dict[str, str]) -> Post | None:
        parent = read_id(attributes, "ParentId")
        if not contains(self.originals, np.int32(parent)):
            return None
        return _make_post(post_id, "answer", parent, None, attributes, "")

    @cached_property
    def _tags(self) -> frozenset[bytes]:
        return frozenset(tag.encode() for tag in self.selection.tags)


def scan_links(block: Block) -> BlockCounts:
    """Turn a block of PostLinks.xml lines into the duplicate links, as a batch of LINK_SCHEMA."""
    data = block.read()
    counts = BlockCounts(bytes=len(data))
    lines = ((number, text) for number, line in enumerate(io.BytesIO(data), 1) if (text := line.strip()))
    links = list(_read_lines(lines, _read_link, counts))
    counts.lines = data.count(b"\n")
    counts.batch = build_record_batch(links, LINK_SCHEMA)
    return counts


def split_tags(text: str) -> list[str]:
    """Return the tags of `<a><b>` or `|a|b|`, the two ways in which dumps write them."""
    return _TAGS_TEXT.findall(text)


def _read_lines(
    lines: Iterator[tuple[int, bytes]],
    read: Callable[[bytes], tuple[int, Record | None]],
    counts: BlockCounts,
) -> Iterator[Record]:
    """Yield what `read` makes of the lines, counting kinds and broken rows."""
    for line, text in lines:
        try:
            kind, record = read(text)
        except BrokenRowError as error:
            counts.add_broken(line, str(error))
            continue
        except RefusedRowError:
            counts.refused_line = line
            return
        counts.kinds[kind] += 1
        if record is not None:
            yield record


def _read_link(text: bytes) -> tuple[int, tuple[int, int, int | None] | None]:
    usual = _LINK.fullmatch(text)
    if usual:
        created, duplicate, original = usual[1].decode(), int(usual[2]), int(usual[3])
        kind = int(usual[4])
    else:
        attributes = parse_row(text)
        created = attributes.get("CreationDate", "")
        duplicate, original = read_id(attributes, "PostId"), read_id(attributes, "RelatedPostId")
        kind = read_integer(attributes, "LinkTypeId", 1, MAX_TYPE)
    return kind, (duplicate, original, parse_timestamp_ms(created)) if kind == _DUPLICATE_LINK else None


def _make_post(
    post_id: int, kind: str, parent: int | None, accepted: int | None, attributes: dict[str, str], tags: str
) -> Post:
    """Build a kept post. A missing Score is 0 and a missing Body empty, as questions may have neither."""
    score = read_integer(attributes, "Score", -MAX_ID, MAX_ID) if "Score" in attributes else 0
    created = parse_timestamp_ms(attributes.get("CreationDate"))
    title, body = attributes.get("Title"), attributes.get("Body", "")
    return Post(post_id, kind, parent, accepted, created, score, title, body, tags)
