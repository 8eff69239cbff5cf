"""Tables of several requests, joined; what is found in them is divided again.

A request's own table may be a DataFrame, or a dict of columns: making and taking apart a DataFrame for each question
takes as long as matching it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Table = Any
"""A DataFrame, or lists by name of their column."""
Rows = list[dict[str, Any]]
_LARGEST_ID = 10**18


def count_rows(table: Table) -> int:
    """Count the rows of a request."""
    return len(next(iter(table.values()), ())) if isinstance(table, dict) else len(table)


def take_column(table: Table, name: str) -> list[Any]:
    """Give a column as a list; of nothing but None where there is none."""
    if name not in table:
        return [None] * count_rows(table)
    column = table[name]
    return column if isinstance(column, list) else list(column.tolist())


class Questions:
    """Questions of several requests; their ids, which may be the same, are put back afterwards."""

    def __init__(self, tables: Sequence[Table]) -> None:
        import pandas as pd

        for table in tables:
            if "title" not in table and "body" not in table:
                raise ValueError("title or body is needed")
        self._owners = [(request, id_) for request, table in enumerate(tables) for id_ in read_ids(table)]
        self._count = len(tables)
        joined = {name: [text for table in tables for text in take_column(table, name)] for name in ("title", "body")}
        self.table = pd.DataFrame({"question_id": range(len(self._owners)), **joined})

    def split(self, found: Rows) -> list[Rows]:
        """Give each request what was found for it."""
        return _divide(found, "question_id", self._owners, self._count)


def read_ids(table: Table) -> Iterable[Any]:
    """Give the ids of a request's questions, counted from 1 where it has none."""
    given = take_column(table, "question_id")
    if all(id_ is None for id_ in given):
        return range(1, len(given) + 1)
    if all(type(id_) is int and abs(id_) < _LARGEST_ID for id_ in given) and len(set(given)) == len(given):
        return given
    import pandas as pd

    from triptych.faq.text.new_questions import complete_columns

    ids: list[Any] = complete_columns(pd.DataFrame({"question_id": given, "title": ""}))["question_id"].tolist()
    return ids


class Photos:
    """Photos of several requests; they are numbered anew afterwards."""

    def __init__(self, tables: Sequence[Table]) -> None:
        import pandas as pd

        images = [take_column(table, "image") for table in tables]
        self._owners = [(request, place) for request, own in enumerate(images) for place in range(len(own))]
        self._count = len(tables)
        self.table = pd.DataFrame({"image": [image for own in images for image in own]})

    def split(self, found: Rows) -> list[Rows]:
        """Give each request what was found for it."""
        return _divide(found, "photo", self._owners, self._count)


def _divide(found: Rows, key: str, owners: Sequence[tuple[int, Any]], count: int) -> list[Rows]:
    """Divide rows by whose they are, and put back what each was called by its own."""
    divided: list[Rows] = [[] for _ in range(count)]
    for row in found:
        request, name = owners[row[key]]
        divided[request].append({**row, key: name})
    return divided
