from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from triptych.faq.dump.id_set import IdSet, IdTable

IDS = st.lists(st.integers(0, 100) | st.integers(0, 2**31 - 1))


@given(IDS, IDS)
def test_same_as_a_set(added: list[int], asked: list[int]) -> None:
    ids, table, known = IdSet(), IdTable.of(added), set()
    for value in added:
        assert ids.add(value) == (value not in known)
        known.add(value)
    wanted = [value in known for value in asked]
    assert [value in ids for value in asked] == wanted
    assert [value in table for value in asked] == wanted
    assert table.contains(np.array(asked, dtype=np.int64)).tolist() == wanted
    assert table.contains(np.array([-1, 2**40])).tolist() == [False, False]
