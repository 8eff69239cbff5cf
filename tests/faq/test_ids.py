"""Ids of any kind get numbers and come back as they were."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.faq.ids import FIRST_TEXT, IdNumbers, no_names, restore_ids

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).map(str.strip).filter(bool)


@given(st.lists(st.one_of(TEXTS, st.integers(0, 2**60).map(str)), unique=True, min_size=1, max_size=30))
def test_ids_come_back_and_no_two_share_a_number(given_ids: list[str]) -> None:
    numbers = IdNumbers()
    found = [numbers.number(one) for one in given_ids]
    assert len(set(found)) == len(given_ids)
    assert [str(one) for one in restore_ids(found, numbers.names)] == given_ids
    # pandas may make floats of them.
    assert all(int(float(one)) == one for one in found)
    again = IdNumbers()
    assert {one: again.number(one) for one in reversed(given_ids)} == dict(zip(given_ids, found, strict=True))


@pytest.mark.parametrize("whole", ["0", "7", " 42 ", str(FIRST_TEXT - 1)])
def test_whole_numbers_keep_their_value(whole: str) -> None:
    numbers = IdNumbers()
    assert numbers.number(whole) == int(whole)
    assert numbers.names.empty


@pytest.mark.parametrize("text", ["007", "-1", "1.0", "INC-1", str(FIRST_TEXT), "١٢", "1e3", "10" * 50])
def test_everything_else_is_text(text: str) -> None:
    numbers = IdNumbers()
    assert numbers.number(text) >= FIRST_TEXT
    assert numbers.number(f" {text}") == numbers.number(text)
    assert numbers.names["name"].tolist() == [text]


@pytest.mark.parametrize(("wrong", "message"), [("  ", "it is empty"), ("x" * 201, "201 characters, more than 200")])
def test_what_can_be_no_id_is_refused(wrong: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        IdNumbers().number(wrong)


def test_equal_hashes_do_not_make_equal_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    class Same:
        def __init__(self, *_: object, **__: object) -> None: ...
        def digest(self) -> bytes:
            return b"\xff" * 8

    monkeypatch.setattr("triptych.faq.ids.hashlib.blake2b", Same)
    numbers = IdNumbers()
    found = [numbers.number(one) for one in ("a", "b", "c")]
    assert len(set(found)) == 3
    assert all(FIRST_TEXT <= one < 2 * FIRST_TEXT for one in found)
    # Names that were read keep theirs.
    assert [IdNumbers(numbers.names).number(one) for one in ("c", "b", "a")] == found[::-1]


def test_without_names_numbers_stay_numbers() -> None:
    assert restore_ids(np.array([5, -1]), no_names()).dtype == np.int64
    names = pd.DataFrame({"id": [FIRST_TEXT + 1], "name": ["INC-1"]})
    assert restore_ids([FIRST_TEXT + 1, 5, -1], names).tolist() == ["INC-1", "5", "-1"]
