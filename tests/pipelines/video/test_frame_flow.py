from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.pipelines.video.frame_flow import ReadAhead, in_batches


@given(st.lists(st.integers()), st.integers(1, 4))
def test_every_item_arrives_in_order(items: list[int], ahead: int) -> None:
    with ReadAhead(items, ahead) as taken:
        assert list(taken) == items


def test_errors_are_raised_where_items_are_taken() -> None:
    def read() -> Iterator[int]:
        yield 1
        raise ValueError("broken frame")

    with ReadAhead(read(), 2) as taken:
        assert next(taken) == 1
        with pytest.raises(ValueError, match="broken frame"):
            next(taken)


def test_it_reads_no_more_ahead_than_asked_and_stops_when_left() -> None:
    read: list[int] = []
    closed = threading.Event()

    def count() -> Iterator[int]:
        try:
            for number in range(1000):
                read.append(number)
                yield number
        finally:
            closed.set()

    with ReadAhead(count(), 3) as taken:
        next(taken)
        time.sleep(0.3)
        assert len(read) <= 6
    assert closed.wait(5)
    assert len(read) < 1000


@given(st.lists(st.integers()), st.integers(1, 5))
def test_batches_hold_everything_once(items: list[int], size: int) -> None:
    batches = list(in_batches(items, size))
    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(batches)
