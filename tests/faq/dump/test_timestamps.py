from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.faq.dump.timestamps import parse_timestamp_ms


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
