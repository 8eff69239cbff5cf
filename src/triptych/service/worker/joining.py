"""Tables of several requests, joined; what is found in them is divided again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


class Questions:
    """Questions of several requests, joined; their ids, which may be the same, are put back afterwards."""

    def __init__(self, tables: Sequence[Any]) -> None:
        import pandas as pd

        from triptych.faq.text.new_questions import complete_columns

        complete = [complete_columns(table) for table in tables]
        self._ids = [table["question_id"].tolist() for table in complete]
        self.table = pd.concat(complete, ignore_index=True)
        self.table["question_id"] = range(len(self.table))

    def split(self, found: Any) -> Iterator[Any]:
        """Give each request what was found for it."""
        start = 0
        places = found["question_id"].astype(int)
        for ids in self._ids:
            own = found[(places >= start) & (places < start + len(ids))].copy()
            own["question_id"] = [ids[place - start] for place in places[own.index]]
            yield own
            start += len(ids)


class Photos:
    """Photos of several requests, joined; they are numbered anew afterwards."""

    def __init__(self, tables: Sequence[Any]) -> None:
        import pandas as pd

        self._sizes = [len(table) for table in tables]
        self.table = pd.concat([table[["image"]] for table in tables], ignore_index=True)

    def split(self, found: Any) -> Iterator[Any]:
        """Give each request what was found for it."""
        start = 0
        for size in self._sizes:
            own = found[(found["photo"] >= start) & (found["photo"] < start + size)].copy()
            own["photo"] -= start
            yield own
            start += size
