from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.faq.dump.columns import SeenIds, build_record_batch, contains, parse_timestamp_ms

SCHEMA = pa.schema([("long", pa.int64()), ("short", pa.int32()), ("text", pa.string()), ("when", pa.timestamp("ms"))])
LONG = st.none() | st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(st.tuples(LONG, st.none() | st.integers(-(2**31), 2**31 - 1), st.none() | st.text(), LONG))


@given(ROWS)
def test_same_as_arrow_makes(rows: list[tuple[Any, ...]]) -> None:
    columns = zip(*rows, strict=True) if rows else [()] * 4
    expected = [pa.array(column, kind) for column, kind in zip(columns, SCHEMA.types, strict=True)]
    batch = build_record_batch(rows, SCHEMA)
    batch.validate(full=True)
    assert batch.equals(pa.record_batch(expected, schema=SCHEMA))


def test_workers_do_not_import_pandas() -> None:
    code = (
        "import sys\n"
        "import numpy as np\n"
        "from triptych.faq.dump.posts import PostSelection\n"
        "from triptych.faq.dump.post_scanner import PostScanner, scan_links\n"
        "from triptych.faq.dump.xml_blocks import MemoryBlock\n"
        "ids = np.ones(1, dtype=np.int32)\n"
        "scanner = PostScanner(ids, ids, PostSelection())\n"
        'assert scanner(MemoryBlock(b\'<row Id="1" PostTypeId="1" />\')).batch.num_rows == 1\n'
        "scan_links(MemoryBlock(b''))\n"
        "assert not {'kedro', 'pandas', 'py7zr', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


IDS = st.lists(st.integers(0, 100) | st.integers(0, 2**31 - 1))


@given(IDS, IDS)
def test_same_as_a_set(added: list[int], asked: list[int]) -> None:
    ids = np.unique(np.array(added, dtype=np.int32))
    assert contains(ids, asked).tolist() == [value in set(added) for value in asked]
    assert [bool(contains(ids, np.int32(value))) for value in asked] == [value in set(added) for value in asked]
    assert contains(ids, np.array([-1, 2**40])).tolist() == [False, False]


@given(st.lists(st.lists(st.integers(0, 100) | st.integers(0, 2**53) | st.integers(2**31 - 2, 2**31 + 2))))
def test_ids_are_new_once(batches: list[list[int]]) -> None:
    seen, known = SeenIds(), set()
    for batch in batches:
        is_new = []
        for value in batch:
            is_new.append(value not in known)
            known.add(value)
        assert seen.add(np.array(batch, dtype=np.int64)).tolist() == is_new


def test_ids_far_apart_take_little_memory() -> None:
    seen, process = SeenIds(), psutil.Process()
    before = process.memory_info().rss
    assert seen.add(np.arange(100, dtype=np.int64) * 20_000_000).all()
    assert process.memory_info().rss - before < 10 << 20


@given(
    st.datetimes(datetime(1678, 1, 1), datetime(2261, 12, 31)),
    st.sampled_from([" ", "T"]),
    st.sampled_from(["microseconds", "milliseconds", "seconds"]),
    st.sampled_from(["", "Z", "+00:00", " UTC"]),
)
def test_iso_forms(moment: datetime, separator: str, precision: str, zone: str) -> None:
    text = moment.isoformat(separator, precision) + zone
    unit = timedelta(seconds=1) if precision == "seconds" else timedelta(milliseconds=1)
    start = datetime(1970, 1, 1)
    assert parse_timestamp_ms(text) == (moment - start) // unit * unit // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "never",
        "2012-13-01",
        "2012-02-30T00:00:00",
        "0001-01-01",
        "9999-12-31",
        "2012-01-01T25:00:00",
    ],
)
def test_unreadable_dates_are_none(text: str | None) -> None:
    assert parse_timestamp_ms(text) is None


@given(st.text())
def test_any_text_is_safe(text: str) -> None:
    assert parse_timestamp_ms(text) is None or text[:1].strip() == "" or text[0].isdigit()
