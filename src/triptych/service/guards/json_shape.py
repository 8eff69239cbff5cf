"""The shape of JSON, looked at before it is parsed: what is small as text may be large as objects."""

from __future__ import annotations

import re

_TOKEN = re.compile(rb'["\[\]{},]')
_STRING_END = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def find_shape_problem(body: bytes, max_depth: int, max_values: int) -> str:
    """Say why JSON is too deep or has too many values; empty if it has not, or is no JSON, which parsing will tell.

    Strings are passed over in one step each, so that photos as text cost little.

    Args:
        body: The text.
        max_depth: Levels of lists and objects.
        max_values: Values, lists and objects, as counted by their commas and brackets.
    """
    depth = values = place = 0
    while found := _TOKEN.search(body, place):
        place, token = found.end(), found.group()
        if token == b'"':
            place = _find_end(body, place)
            if place < 0:
                return ""
            continue
        if token in b"]}":
            depth -= 1
            continue
        values += 1
        depth += token != b","
        if depth > max_depth:
            return f"the JSON is nested more than {max_depth} levels deep"
        if values > max_values:
            return f"the JSON has more than {max_values} values: ask in parts"
    return ""


def _find_end(body: bytes, start: int) -> int:
    """Find where a string ends, after its quote; -1 if it does not."""
    end = body.find(b'"', start)  # quicker than the expression by far, but knows nothing of escapes
    if end < 0 or body[end - 1 : end] != b"\\":
        return end + 1 if end >= 0 else -1
    found = _STRING_END.match(body, start)
    return found.end() if found else -1
