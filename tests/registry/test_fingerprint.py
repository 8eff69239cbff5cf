"""Fingerprints change with the data and with nothing else."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from triptych.registry.fingerprint import fingerprint_ids, fingerprint_tables, fingerprint_texts

TABLE = pd.DataFrame(
    {"question_id": [1, 2], "title": ["a", "ä"], "created": pd.to_datetime(pd.Series(["2015-01-01", None]))}
)


def test_it_is_the_same_in_every_process() -> None:
    code = (
        "import pandas as pd\n"
        "from triptych.registry.fingerprint import fingerprint_tables\n"
        "table = pd.DataFrame({'question_id': [1, 2], 'title': ['a', 'ä'], "
        "'created': pd.to_datetime(['2015-01-01', None])})\n"
        "print(fingerprint_tables([table]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == fingerprint_tables([TABLE])


def test_every_cell_column_and_row_counts() -> None:
    changed = [
        TABLE.assign(title=["a", "b"]),
        TABLE.rename(columns={"title": "text"}),
        TABLE.head(1),
        TABLE.iloc[::-1],
        TABLE[["title", "question_id", "created"]],
    ]
    assert len({fingerprint_tables([table]) for table in [TABLE, *changed]}) == 6
    assert fingerprint_tables([TABLE, TABLE.head(0)]) != fingerprint_tables([TABLE])


def test_the_index_does_not_count() -> None:
    assert fingerprint_tables([TABLE.set_index(pd.Index([7, 8]))]) == fingerprint_tables([TABLE])


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_ids_are_a_set(first: list[int], second: list[int]) -> None:
    prints = [fingerprint_ids(np.array(ids, dtype=np.int64)) for ids in (first, second)]
    assert (prints[0] == prints[1]) == (set(first) == set(second))
    assert fingerprint_ids(np.array(first[::-1] * 2, dtype=np.int64)) == prints[0]


@given(st.lists(st.text()), st.lists(st.text()))
def test_texts_are_a_set(first: list[str], second: list[str]) -> None:
    prints = [fingerprint_texts(texts) for texts in (first, second)]
    assert (prints[0] == prints[1]) == (set(first) == set(second))
    assert fingerprint_texts(first[::-1] * 2) == prints[0]
