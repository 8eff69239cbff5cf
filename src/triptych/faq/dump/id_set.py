"""Compact sets of post ids."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_PAGE_BITS = 13  # 8192 ids a page of 1 KiB: dense dumps cost a bit an id, a lone id at most 1 KiB
_BYTE_MASK = (1 << (_PAGE_BITS - 3)) - 1


@dataclass(frozen=True)
class IdTable:
    """A fixed set of ids that answers for many at once, four bytes an id."""

    ids: npt.NDArray[np.int32]
    """Sorted."""

    @classmethod
    def of(cls, ids: npt.ArrayLike) -> IdTable:
        """Make a table of ids in any order, repeated or not, each in [0, 2**31)."""
        return cls(np.unique(np.asarray(ids, dtype=np.int32)))

    def __contains__(self, value: int) -> bool:
        place = bisect_left(self.ids, value)
        return place < len(self.ids) and bool(self.ids[place] == value)

    def contains(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Tell for each id whether it is in the table."""
        if not len(self.ids):
            return np.zeros(len(ids), dtype=bool)
        place = np.searchsorted(self.ids, ids)
        found: npt.NDArray[np.bool_] = self.ids.take(place, mode="clip") == ids
        return found


class IdSet:
    """Collect ids compactly: 80 million dense ids take about 10 MB, where a set takes gigabytes.

    >>> ids = IdSet([3, 70_000])
    >>> 3 in ids, 4 in ids, ids.add(4), ids.add(4), 4 in ids
    (True, False, True, False, True)
    """

    __slots__ = ("_pages",)

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self._pages: dict[int, bytearray] = {}
        for value in ids:
            self.add(value)

    def add(self, value: int) -> bool:
        """Add an id; tell whether it was new."""
        page = self._pages.get(value >> _PAGE_BITS)
        if page is None:
            page = self._pages[value >> _PAGE_BITS] = bytearray(_BYTE_MASK + 1)
        index, bit = (value >> 3) & _BYTE_MASK, 1 << (value & 7)
        is_new = not page[index] & bit
        page[index] |= bit
        return is_new

    def __contains__(self, value: int) -> bool:
        page = self._pages.get(value >> _PAGE_BITS)
        return page is not None and bool(page[(value >> 3) & _BYTE_MASK] >> (value & 7) & 1)
