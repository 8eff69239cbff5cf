"""The table is sorted, and any text can be shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triptych.shelf.data.quarantine import Quarantine, printable


def test_rows_are_sorted_and_counted_by_kind() -> None:
    quarantine = Quarantine()
    quarantine.add("b.jpg", "unreadable_photo", "empty file")
    quarantine.add("a.xml", "refused_object", "no box")
    quarantine.add("a.jpg", "unreadable_photo", "empty file")
    assert quarantine.to_table().to_numpy().tolist() == [
        ["a.jpg", "unreadable_photo", "empty file"],
        ["a.xml", "refused_object", "no box"],
        ["b.jpg", "unreadable_photo", "empty file"],
    ]
    assert quarantine.count() == {"refused_object": 1, "unreadable_photo": 2}


def test_an_empty_table_has_its_columns() -> None:
    assert list(Quarantine().to_table().columns) == ["file", "kind", "reason"]


@given(st.text() | st.sampled_from(["\ud800", "a\nb", "\x1b[2J", "é", "x" * 300]))
def test_any_text_can_be_shown(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    shown.encode()
    if text.isprintable() and len(text) <= 200:
        assert shown == text
