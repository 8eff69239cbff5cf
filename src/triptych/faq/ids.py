"""Ids as text, such as a ticket's INC-123: numbers inside, and given back as they came.

Whole numbers keep their value. A text's number is a hash of it, the same in every file and every run; the table of
names tells what each stands for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

FIRST_TEXT = 2**52
"""Numbers of texts are from here on, and below 2**53: exact as floats, which pandas makes of columns with gaps."""
LONGEST = 200
"""Most characters of an id."""
# With leading zeros it is a name: 007 is not 7.
_WHOLE = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


class IdNumbers:
    """Gives ids their numbers, and keeps the names of those that are text.

    Args:
        names: Columns `id`, `name` of those that have numbers already.
    """

    def __init__(self, names: pd.DataFrame | None = None) -> None:
        self._numbers: dict[str, int] = {}
        if names is not None:
            self._numbers = dict(zip(names["name"].tolist(), names["id"].tolist(), strict=True))
        self._taken = set(self._numbers.values())

    def number(self, given: str) -> int:
        """Give the number of an id, without white space around it.

        Raises:
            ValueError: If it is empty, or too long for an id.
        """
        given = given.strip()
        if _WHOLE.fullmatch(given) and int(given) < FIRST_TEXT:
            return int(given)
        if given not in self._numbers:
            self._add(given)
        return self._numbers[given]

    def _add(self, given: str) -> None:
        if not given:
            raise ValueError("it is empty")
        if len(given) > LONGEST:
            raise ValueError(f"it has {len(given)} characters, more than {LONGEST}")
        digest = hashlib.blake2b(given.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        number = FIRST_TEXT + int.from_bytes(digest, "big") % FIRST_TEXT
        # Of a million, two share a hash once in ten thousand times.
        while number in self._taken:
            number = FIRST_TEXT + (number + 1) % FIRST_TEXT
        self._numbers[given] = number
        self._taken.add(number)

    @property
    def names(self) -> pd.DataFrame:
        """Columns `id` (int64, ascending), `name` of every text so far."""
        import pandas as pd  # the processes that read a dump do without

        table = pd.DataFrame({"id": list(self._numbers.values()), "name": list(self._numbers)})
        return table.astype({"id": np.int64, "name": str}).sort_values("id", ignore_index=True)


def no_names() -> pd.DataFrame:
    """Give the table of names where all ids are whole numbers."""
    return IdNumbers().names


def restore_ids(numbers: Iterable[int] | NDArray[np.int64], names: pd.DataFrame) -> NDArray[Any]:
    """Give ids as they came.

    Args:
        numbers: Theirs; -1 stays -1.
        names: Columns `id` (ascending), `name`.

    Returns:
        The numbers where there is no name at all, else texts of all of them.
    """
    numbers = np.asarray(numbers, dtype=np.int64)
    if names.empty:
        return numbers
    ids = names["id"].to_numpy()
    place = np.minimum(np.searchsorted(ids, numbers), len(ids) - 1)
    texts = numbers.astype(str).astype(object)
    named = ids[place] == numbers
    texts[named] = names["name"].to_numpy()[place[named]]
    return texts
