"""Read the reference's TSV triple (original questions, duplicates, answers).

Neither pandas nor Arrow can read it: a quote that is never closed costs them the rest of the file, and they do not
say on which line a broken record starts.
"""

from __future__ import annotations

import csv
import logging
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
from tqdm import tqdm

from triptych.errors import InputError
from triptych.faq.dump.columns import build_record_batch, parse_timestamp_ms
from triptych.faq.dump.compressed_streams import read_lines
from triptych.faq.dump.files import TsvTriple
from triptych.faq.dump.posts import MAX_BATCH_ROWS, POST_SCHEMA, Post, PostSelection, PostStream
from triptych.faq.dump.report import BrokenRows, IngestReport
from triptych.faq.dump.xml_blocks import MAX_LINE_BYTES
from triptych.faq.dump.xml_rows import BrokenRowError
from triptych.faq.ids import IdNumbers

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

_QUESTION_COLUMNS = ("Id", "AnswerId", "Text0", "CreationDate")
_ANSWER_COLUMNS = ("Id", "Text0")
_MAX_RECORD_LINES = 2000
_MAX_RECORD_CHARACTERS = 4 << 20


class Record(NamedTuple):
    """One row of a TSV file."""

    line: int
    """Number (from 1) of the line it starts on."""

    fields: dict[str, str]
    """Its values by column."""


class _Line(NamedTuple):
    number: int
    text: str


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
        self._numbers = IdNumbers()

    def read_names(self) -> pd.DataFrame:
        """Read the ids that are text; see `QuestionSource.read_names`."""
        # Of its own: that of the posts has the ids of answers to nothing as well.
        source = QuestionTsvSource(self._files)
        for _ in source._read_pairs(source._read_originals(), IngestReport()):
            pass
        return source._numbers.names

    def read_links(self) -> pd.DataFrame:
        """Read every duplicate link; see `QuestionSource.read_links`. The files date no link (NaT)."""
        import pandas as pd

        links = sorted(set(self._read_pairs(self._read_originals(), IngestReport())))
        frame: pd.DataFrame = pd.DataFrame(links, columns=["duplicate_id", "original_id"], dtype="int64")
        frame["created"] = pd.Series(pd.NaT, frame.index, dtype="datetime64[ns]")
        return frame

    def read_posts(self, selection: PostSelection) -> PostStream:
        """Stream the selected posts: originals, duplicates, answers; see `QuestionSource.read_posts`.

        The files carry no tags, so `selection.tags` is not applied.
        """
        if selection.tags:
            logger.warning("The TSV triple has no tags: all its questions are taken, whatever their tags.")
        return PostStream(lambda report: self._read_batches(selection, report))

    def _read_originals(self) -> dict[int, int]:
        """Return the original question of each AnswerId (the first one that has it)."""
        originals: dict[int, int] = {}
        for row in self._read_rows(self._files.originals, _QUESTION_COLUMNS, BrokenRows(is_logged=False)):
            originals.setdefault(row.answer_id, row.id)
        return originals

    def _read_pairs(self, originals: dict[int, int], report: IngestReport) -> Iterator[tuple[int, int]]:
        for row in self._read_rows(self._files.duplicates, _QUESTION_COLUMNS, BrokenRows(is_logged=False)):
            original = originals.get(row.answer_id)
            if original is None:
                report.unmatched_duplicates += 1
            elif original != row.id:
                yield row.id, original

    def _read_batches(self, selection: PostSelection, report: IngestReport) -> Iterator[pa.RecordBatch]:
        originals = self._read_originals()
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
        posts = chain(self._read_questions(selection, linked, report), self._read_answers(parents, report))
        while rows := list(islice(posts, MAX_BATCH_ROWS)):
            yield build_record_batch(rows, POST_SCHEMA)

    def _read_questions(self, selection: PostSelection, linked: set[int], report: IngestReport) -> Iterator[Post]:
        for path in (self._files.originals, self._files.duplicates):
            for row in self._read_rows(path, _QUESTION_COLUMNS, report.broken, report):
                report.questions += 1
                if row.id in linked or selection.covers_unlinked(row.id):
                    yield Post(row.id, "question", None, row.answer_id, row.created, 0, None, row.text, "")

    def _read_answers(self, parents: dict[int, int], report: IngestReport) -> Iterator[Post]:
        for row in self._read_rows(self._files.answers, _ANSWER_COLUMNS, report.broken, report):
            report.answers += 1
            if row.id in parents:
                yield Post(row.id, "answer", parents[row.id], None, None, 0, None, row.text, "")

    def _read_rows(
        self, path: Path, columns: tuple[str, ...], broken: BrokenRows, report: IngestReport | None = None
    ) -> Iterator[_Row]:
        """Yield a file's readable rows; count all of them into the report.

        Raises:
            InputError: none can be read, or see `read_records`.
        """
        before, good = broken.count, 0
        for record in read_records(path, columns, broken):
            try:
                row = _read_row(record.fields, self._numbers)
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


def _read_row(fields: dict[str, str], numbers: IdNumbers) -> _Row:
    answer_id = _read_id(fields, "AnswerId", numbers) if "AnswerId" in fields else 0
    created = parse_timestamp_ms(fields.get("CreationDate"))
    return _Row(_read_id(fields, "Id", numbers), answer_id, fields["Text0"], created)


def _read_id(fields: dict[str, str], name: str, numbers: IdNumbers) -> int:
    try:
        return numbers.number(fields[name])
    except ValueError as error:
        raise BrokenRowError(f"{name} is none: {error}") from error


def read_records(path: Path, columns: tuple[str, ...], broken: BrokenRows) -> Generator[Record, None, None]:
    """Read a TSV file without a header, quoted as pandas does it (gzipped where its name ends in .gz).

    A record that cannot be read is counted, and reading goes on with the line after the one it starts on, so
    a quote that is never closed loses one row and not the rest of the file.

    Args:
        path: the file.
        columns: the names of its columns, which the file itself does not give.
        broken: counts what cannot be read.

    Raises:
        InputError: not UTF-8, truncated, not tab-separated, or with a header row.
    """
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
    with closing(_read_lines(path)) as unread:
        put_back: deque[_Line] = deque()

        def take() -> _Line | None:
            return put_back.popleft() if put_back else next(unread, None)

        while first := take():
            if first.number == 1:
                _check_first(first.text, columns, path)
            fields = _split_record(first, take, put_back)
            if isinstance(fields, str):
                broken.add(str(path), first.number, fields)
            elif len(fields) == len(columns):
                yield Record(first.number, dict(zip(columns, fields, strict=True)))
            elif fields:  # a blank line is no record
                broken.add(str(path), first.number, f"{len(fields)} columns instead of {len(columns)}")


def _split_record(first: _Line, take: Callable[[], _Line | None], put_back: deque[_Line]) -> list[str] | str:
    """Take what lines a record has after its first, and return its fields; or take none and say what is wrong."""
    if '"' not in first.text:
        text = first.text.rstrip("\r\n")  # a carriage return elsewhere is text
        return text.split("\t") if text else []
    taken: list[_Line] = []
    try:
        return next(csv.reader(_feed(first, take, taken), delimiter="\t", strict=True), [])
    except csv.Error as error:
        put_back.extendleft(reversed(taken))
        return f"bad quoting: {error}"


def _feed(first: _Line, take: Callable[[], _Line | None], taken: list[_Line]) -> Iterator[str]:
    """Give the csv reader lines while it asks for more, up to what one record may have."""
    yield first.text
    size = len(first.text)
    while len(taken) < _MAX_RECORD_LINES and size < _MAX_RECORD_CHARACTERS and (line := take()):
        taken.append(line)
        size += len(line.text)
        yield line.text


def _check_first(text: str, columns: tuple[str, ...], path: Path) -> None:
    expected = f"{len(columns)} tab-separated columns ({', '.join(columns)}) without a header row"
    if "\t" not in text:
        raise InputError(f"{path}: wrong schema: the first line has no tab. Expected {expected}.")
    if text.split("\t")[0].strip().strip('"').lower() == columns[0].lower():
        raise InputError(f"{path}: wrong schema: it has a header row. Remove it; expected {expected}.")


def _read_lines(path: Path) -> Generator[_Line, None, None]:
    with (
        tqdm(total=path.stat().st_size, desc=path.name, unit="B", unit_scale=True, delay=2, disable=None) as bar,
        closing(read_lines(path, bar.update)) as lines,
    ):
        for number, line in enumerate(lines, 1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise InputError(
                    f"{path}, line {number}: not UTF-8 ({error.reason}). Convert the file to UTF-8, "
                    "for example with iconv."
                ) from error
            yield _Line(number, text)
