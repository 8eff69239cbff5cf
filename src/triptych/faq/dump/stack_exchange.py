"""Read the Stack Exchange data dump (Posts.xml, PostLinks.xml)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from triptych.errors import InputError
from triptych.faq.dump.files import DumpFile
from triptych.faq.dump.post_scanner import LINK_SCHEMA, BlockCounts, PostScanner, scan_links
from triptych.faq.dump.posts import PostSelection, PostStream
from triptych.faq.dump.report import BrokenRows, IngestReport
from triptych.faq.dump.xml_blocks import Block, refuse_declarations
from triptych.faq.ids import no_names
from triptych.parallel import count_workers, ordered_map

if TYPE_CHECKING:
    import pandas as pd

_PARALLEL_BYTES = 32 << 20  # starting processes takes longer than reading less than this
_DECIDING_ROWS = 1000  # so many rows, all broken, are enough to stop a file of another kind


class StackExchangeSource:
    """The questions and links of one dump; a `QuestionSource`.

    Args:
        posts: where Posts.xml is.
        links: where PostLinks.xml is.
    """

    def __init__(self, posts: DumpFile, links: DumpFile) -> None:
        self._posts, self._links = posts, links
        self._link_table: pa.Table | None = None
        self._link_kinds: dict[int, int] = {}
        self._broken_links = BrokenRows()

    def read_links(self) -> pd.DataFrame:
        """Read every duplicate link; see `QuestionSource.read_links`.

        The file is read once for each handle. Links of a post to itself are left out; of two links between
        the same posts the earlier one counts.
        """
        links: pd.DataFrame = self._read_link_table(0).to_pandas()
        links["created"] = links["created"].astype("datetime64[ns]")
        links = links.sort_values(["duplicate_id", "original_id", "created"], kind="stable")
        unique: pd.DataFrame = links.drop_duplicates(["duplicate_id", "original_id"], ignore_index=True)
        return unique

    def read_names(self) -> pd.DataFrame:
        """Give no name: all ids are whole numbers."""
        return no_names()

    def read_posts(self, selection: PostSelection) -> PostStream:
        """Stream the selected posts; see `QuestionSource.read_posts`."""
        return PostStream(lambda report: self._read_batches(selection, report))

    def _read_link_table(self, workers: int) -> pa.Table:
        """Return the duplicate links in file order; read them if that has not been done."""
        if self._link_table is None:
            kinds: Counter[int] = Counter()
            broken = BrokenRows()
            batches = []
            for counts in _Scan(self._links, "postlinks", broken, workers).run(scan_links):
                batches.append(counts.batch)
                kinds += counts.kinds
            links = pa.Table.from_batches(batches, LINK_SCHEMA)
            self._link_table = links.filter(pc.not_equal(links["duplicate_id"], links["original_id"]))
            self._link_kinds, self._broken_links = dict(sorted(kinds.items())), broken
        return self._link_table

    def _read_batches(self, selection: PostSelection, report: IngestReport) -> Iterator[pa.RecordBatch]:
        links = self._read_link_table(selection.workers)
        report.links = {str(kind): count for kind, count in self._link_kinds.items()}
        report.broken_links = self._broken_links
        report.files = [file.describe() for file in (self._posts, self._links)]
        duplicates, originals = (
            np.unique(np.from_dlpack(links[f"{side}_id"].combine_chunks())).astype(np.int32)
            for side in ("duplicate", "original")
        )
        scanner = PostScanner(np.union1d(duplicates, originals), originals, selection)
        for counts in _Scan(self._posts, "posts", report.broken, selection.workers).run(scanner):
            _add_counts(report, counts)
            if counts.batch is not None:
                yield counts.batch


def _add_counts(report: IngestReport, counts: BlockCounts) -> None:
    questions, answers = counts.kinds[1], counts.kinds[2]
    report.questions += questions
    report.answers += answers
    report.other_posts += counts.kinds.total() - questions - answers
    report.rows += counts.rows
    report.bytes += counts.bytes


class _Scan:
    """One pass over a dump file: blocks out to workers, their counts back in order.

    Args:
        file: the dump file.
        root: its root element.
        broken: where broken rows are counted.
        workers: processes; 0: one for each core.
    """

    def __init__(self, file: DumpFile, root: str, broken: BrokenRows, workers: int) -> None:
        self._file, self._root, self._broken = file, root, broken
        self._workers = count_workers(workers) if file.progress_bytes >= _PARALLEL_BYTES else 1
        self._rows = 0

    def run(self, scanner: Callable[[Block], BlockCounts]) -> Iterator[BlockCounts]:
        """Yield each block's counts, with broken rows logged under their line in the file.

        Raises:
            InputError: the file is truncated or damaged, declares entities, or no row can be read.
        """
        name, size = self._file.label.rpartition("/")[2], self._file.progress_bytes
        with (
            tqdm(total=size, desc=name, unit="B", unit_scale=True, delay=2, disable=None) as progress,
            self._file.open_blocks(self._root, progress.update) as (line, blocks),
            closing(ordered_map(scanner, blocks, self._workers)) as results,
        ):
            for counts in results:
                self._check(counts, line)
                line += counts.lines
                yield counts
        self._refuse_all_broken(1)
        self._broken.summarise(self._file.label, self._broken.count, self._rows)

    def _check(self, counts: BlockCounts, first_line: int) -> None:
        listed = [(first_line + line - 1, reason) for line, reason in counts.first_broken]
        self._broken.extend(self._file.label, listed, counts.broken)
        if counts.refused_line is not None:
            raise refuse_declarations(self._file.label, first_line + counts.refused_line - 1)
        self._rows += counts.rows
        self._refuse_all_broken(_DECIDING_ROWS)

    def _refuse_all_broken(self, at_least: int) -> None:
        if self._rows >= at_least and self._broken.count == self._rows:
            first = self._broken.first[0]
            raise InputError(
                f"{self._file.label}: wrong schema: none of the first {self._rows} rows can be read (line "
                f"{first['line']}: {first['reason']}). Check that the right file has this name."
            )
