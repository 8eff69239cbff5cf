"""Creation dates as dumps and the TSV triple write them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

_PATTERN = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?)?(?:Z| ?UTC|\+00:?00)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1)
_MILLISECOND = timedelta(milliseconds=1)
_YEARS = range(1678, 2262)  # what nanosecond timestamps can hold


def parse_timestamp_ms(text: str | None) -> int | None:
    """Read a UTC date.

    Args:
        text: such as `2018-03-12T17:00:45.567`, `2018-03-12 17:00:45` or `2018-03-12`.

    Returns:
        Milliseconds since 1970, or None where there is no readable date.

    >>> parse_timestamp_ms("1970-01-02T00:00:01.5"), parse_timestamp_ms("yesterday")
    (86401500, None)
    """
    match = _PATTERN.fullmatch(text.strip()) if text else None
    if match is None:
        return None
    day, clock, fraction = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}")
    except ValueError:
        return None
    if moment.year not in _YEARS:
        return None
    return (moment - _EPOCH) // _MILLISECOND + int(((fraction or "") + "000")[:3])
