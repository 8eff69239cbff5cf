from __future__ import annotations

import subprocess
import sys
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from triptych.faq.dump.arrow_columns import build_record_batch

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
        "from triptych.faq.dump.id_set import IdTable\n"
        "from triptych.faq.dump.posts import PostSelection\n"
        "from triptych.faq.dump.post_scanner import PostScanner, scan_links\n"
        "from triptych.faq.dump.xml_blocks import MemoryBlock\n"
        "scanner = PostScanner(IdTable.of([1]), IdTable.of([1]), PostSelection())\n"
        'assert scanner(MemoryBlock(b\'<row Id="1" PostTypeId="1" />\')).batch.num_rows == 1\n'
        "scan_links(MemoryBlock(b''))\n"
        "assert not {'pandas', 'torch', 'kedro.framework'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
