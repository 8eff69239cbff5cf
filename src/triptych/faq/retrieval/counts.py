"""Number the words of a large corpus, and find its commonest words and word pairs.

Texts are kept as numbers in one flat array: as strings in a dictionary, millions of pairs would take gigabytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from triptych.faq.text.tokens import find_tokens, normalize_token

Ints = NDArray[np.int64]
# Texts that are cut in one go, and pairs that are sorted in one go (8 bytes each).
_CHUNK_TEXTS = 20_000
_CHUNK_PAIRS = 1 << 23


@dataclass
class WordNumbers:
    """The words of texts as numbers, one text after the other.

    Attributes:
        words: Every word once, in the order in which they turn up; its number is its place.
        flat: The number of each word that occurs, shape (occurrences,), int32.
        ends: Where each text starts, and the last one ends, shape (texts + 1,), int64.
    """

    words: list[str]
    flat: NDArray[np.int32]
    ends: Ints

    @classmethod
    def read(cls, texts: Iterable[str]) -> WordNumbers:
        """Cut texts into words, as `word_tokens` does, and number these."""
        numbers = _TokenNumbers()
        parts, lengths = [], []
        rest = iter(texts)
        while chunk := list(islice(rest, _CHUNK_TEXTS)):
            flat, sizes = array("i"), []
            for text in chunk:
                found = find_tokens(text)
                flat.extend(map(numbers.__getitem__, found))
                sizes.append(len(found))
            part, length = numbers.expand(np.array(flat, dtype=np.int32), np.array(sizes, dtype=np.int64))
            parts.append(part)
            lengths.append(length)
        return cls(list(numbers.words), join_parts(parts), find_ends(lengths))


class _TokenNumbers(dict[str, int]):
    """Maps tokens to the number of their word, and those of several words, or none, to a number below 0."""

    def __init__(self) -> None:
        super().__init__()
        self.words: dict[str, int] = {}
        self._several: dict[tuple[int, ...], int] = {}

    def __missing__(self, token: str) -> int:
        numbers = tuple(self.words.setdefault(word, len(self.words)) for word in normalize_token(token))
        found = numbers[0] if len(numbers) == 1 else -1 - self._several.setdefault(numbers, len(self._several))
        self[token] = found
        return found

    def expand(self, flat: NDArray[np.int32], lengths: Ints) -> tuple[NDArray[np.int32], Ints]:
        """Put the words of tokens that have several, or none, in their place."""
        if not (flat < 0).any():
            return flat, lengths
        several = list(self._several)
        size = np.array([len(numbers) for numbers in several], dtype=np.int64)
        counts = np.ones(len(flat), dtype=np.int64)
        counts[flat < 0] = size[-1 - flat[flat < 0]]
        words = np.repeat(flat, counts)
        words[words < 0] = [number for i in flat[flat < 0].tolist() for number in several[-1 - i]]
        total = np.concatenate([[0], np.cumsum(counts)])
        ends = np.cumsum(lengths)
        return words, total[ends] - total[ends - lengths]


def join_parts(parts: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    """Join arrays into one, and empty the list on the way: there are never two copies of all."""
    joined = np.empty(sum(map(len, parts)), dtype=np.int32)
    end = len(joined)
    while parts:
        part = parts.pop()
        joined[end - len(part) : end] = part
        end -= len(part)
    return joined


def find_ends(lengths: list[Ints]) -> Ints:
    """Sum lengths up to where each text starts, and the last one ends."""
    return np.concatenate([[0], np.cumsum(np.concatenate([np.empty(0, dtype=np.int64), *lengths]))])


def choose_commonest(totals: Ints, limit: int) -> Ints:
    """List at most `limit` numbers with the highest totals above 0; of equal ones the smaller number first."""
    commonest = np.argsort(-totals, kind="stable")[:limit]
    return commonest[totals[commonest] > 0]


def choose_pairs(flat: NDArray[np.int32], joins: NDArray[np.bool_], words: int, limit: int) -> Ints:
    """Find the commonest pairs of words in a row.

    Args:
        flat: Word numbers, shape (occurrences,).
        joins: Whether a word and the next one are a pair, shape (occurrences,).
        words: How many there are.
        limit: Most pairs; of those as common, the smaller number first.

    Returns:
        First word x `words` + second word of each pair, ascending.
    """
    kept, totals = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    for pairs in _list_pairs(flat, joins, words):
        distinct, counts = _count_distinct(pairs)
        kept, totals = np.concatenate([kept, distinct]), np.concatenate([totals, counts])
        if len(kept) > 4 * limit:
            best = np.sort(choose_commonest(totals, limit))
            kept, totals = kept[best], totals[best]
    return kept[np.sort(choose_commonest(totals, limit))]


def _list_pairs(flat: NDArray[np.int32], joins: NDArray[np.bool_], words: int) -> Iterator[Ints]:
    """Give the pairs in parts, by ranges of the first word."""
    if not len(flat):
        return
    met = np.cumsum(np.bincount(flat, minlength=words))
    start = 0
    while start < words:
        before = met[start - 1] if start else 0
        end = max(int(np.searchsorted(met, before + _CHUNK_PAIRS, side="right")), start + 1)
        place = np.flatnonzero(joins & (flat >= start) & (flat < end))
        yield flat[place].astype(np.int64) * words + flat[place + 1]
        start = end


def _count_distinct(values: Ints) -> tuple[Ints, Ints]:
    values.sort()
    first = np.flatnonzero(np.diff(values, prepend=-1))
    return values[first], np.diff(np.append(first, len(values)))
