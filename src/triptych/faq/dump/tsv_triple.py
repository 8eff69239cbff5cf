"""Read the reference's TSV triple (original questions, duplicates, answers)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from triptych.errors import InputError
from triptych.faq.dump.id_set import IdSet
from triptych.faq.dump.post_batches import Post, build_batch, keep_first, recut
from triptych.faq.dump.posts import MAX_BATCH_ROWS, PostSelection, PostStream
from triptych.faq.dump.report import BrokenRows, IngestReport
from triptych.faq.dump.timestamps import parse_timestamp_ms
from triptych.faq.dump.tsv_records import read_records
from triptych.faq.dump.xml_rows import BrokenRowError, read_id

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

_QUESTION_COLUMNS = ("Id", "AnswerId", "Text0", "CreationDate")
_ANSWER_COLUMNS = ("Id", "Text0")


class TsvTriple(NamedTuple):
    """The three files."""

    originals: Path
    duplicates: Path
    answers: Path


class _Row(NamedTuple):
    id: int
    answer_id: int
    """0 for answers."""

    text: str
    created: int | None


class QuestionTsvSource:
    """The questions and links of one TSV triple; a `QuestionSource`.

    Args:
        files: where they are.
    """

    def __init__(self, files: TsvTriple) -> None:
        self._files = files

    def read_links(self) -> pd.DataFrame:
        """Read every duplicate link; see `QuestionSource.read_links`. The files date no link (NaT)."""
        import pandas as pd

        links = sorted(set(self._read_pairs(self._read_originals(), IngestReport())))
        frame: pd.DataFrame = pd.DataFrame(links, columns=["duplicate_id", "original_id"], dtype="int64")
        frame["created"] = pd.Series(pd.NaT, frame.index, dtype="datetime64[ns]")
        return frame

    def read_posts(self, selection: PostSelection) -> PostStream:
        """Stream the selected posts: originals, duplicates, answers; see `QuestionSource.read_posts`.

        The files carry no tags, so `selection.tags` is not applied. Of posts with the same Id the first
        selected one is kept.
        """
        if selection.tags:
            logger.warning("The TSV triple has no tags: all its questions are taken, whatever their tags.")
        return PostStream(lambda report: recut(self._read_batches(selection, report)))

    def _read_originals(self) -> dict[int, int]:
        """Return the original question of each AnswerId (the first one that has it)."""
        originals: dict[int, int] = {}
        for row in _read_rows(self._files.originals, _QUESTION_COLUMNS, BrokenRows(is_logged=False)):
            originals.setdefault(row.answer_id, row.id)
        return originals

    def _read_pairs(self, originals: dict[int, int], report: IngestReport) -> Iterator[tuple[int, int]]:
        for row in _read_rows(self._files.duplicates, _QUESTION_COLUMNS, BrokenRows(is_logged=False)):
            original = originals.get(row.answer_id)
            if original is None:
                report.unmatched_duplicates += 1
            elif original != row.id:
                yield row.id, original

    def _read_batches(self, selection: PostSelection, report: IngestReport) -> Iterator[pa.RecordBatch]:
        originals, seen = self._read_originals(), IdSet()
        pairs = list(self._read_pairs(originals, report))
        if report.unmatched_duplicates:
            logger.warning(
                "%s: %d duplicates have an AnswerId that no original question has; they stay unlinked",
                self._files.duplicates,
                report.unmatched_duplicates,
            )
        report.links = {"3": len(pairs)}
        report.files = [{"name": str(path), "bytes": path.stat().st_size} for path in self._files]
        linked = set(chain.from_iterable(pairs))
        parents = {answer: original for answer, original in originals.items() if original in linked}
        questions = self._read_questions(selection, linked, report)
        for batch in _batches(chain(questions, self._read_answers(parents, report))):
            yield keep_first(batch, seen, report)

    def _read_questions(self, selection: PostSelection, linked: set[int], report: IngestReport) -> Iterator[Post]:
        for path in (self._files.originals, self._files.duplicates):
            for row in _read_rows(path, _QUESTION_COLUMNS, report.broken, report):
                report.questions += 1
                if row.id in linked or selection.covers_unlinked(row.id):
                    yield Post(row.id, "question", None, row.answer_id, row.created, 0, None, row.text, "")

    def _read_answers(self, parents: dict[int, int], report: IngestReport) -> Iterator[Post]:
        for row in _read_rows(self._files.answers, _ANSWER_COLUMNS, report.broken, report):
            report.answers += 1
            if row.id in parents:
                yield Post(row.id, "answer", parents[row.id], None, None, 0, None, row.text, "")


def _read_rows(
    path: Path, columns: tuple[str, ...], broken: BrokenRows, report: IngestReport | None = None
) -> Iterator[_Row]:
    """Yield a file's readable rows; count all of them into the report.

    Raises:
        InputError: none can be read, or see `read_records`.
    """
    before, good = broken.count, 0
    for record in read_records(path, columns, broken):
        try:
            row = _read_row(record.fields)
        except BrokenRowError as error:
            broken.add(str(path), record.line, str(error))
            continue
        good += 1
        yield row
    bad = broken.count - before
    if bad and not good:
        first = f"line {broken.first[-1]['line']}: {broken.first[-1]['reason']}"
        raise InputError(f"{path}: wrong schema: none of its {bad} rows can be read ({first}).")
    if report is not None:
        report.rows += good + bad
        report.bytes += path.stat().st_size
    broken.summarise(str(path), bad, good + bad)


def _read_row(fields: dict[str, str]) -> _Row:
    answer_id = read_id(fields, "AnswerId") if "AnswerId" in fields else 0
    return _Row(read_id(fields), answer_id, fields["Text0"], parse_timestamp_ms(fields.get("CreationDate")))


def _batches(posts: Iterator[Post]) -> Iterator[pa.RecordBatch]:
    pending: list[Post] = []
    for post in posts:
        pending.append(post)
        if len(pending) >= MAX_BATCH_ROWS:
            yield build_batch(pending)
            pending = []
    yield build_batch(pending)
