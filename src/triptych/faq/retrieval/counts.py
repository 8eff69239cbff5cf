"""Count the words and word pairs of a large corpus by number.

Most of the millions of pairs occur once and are not kept: as strings in a dictionary they would take gigabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


@dataclass
class WordNumbers:
    """The words of texts as numbers, one after the other.

    Attributes:
        words: Every word once; its number is its place.
        flat: The number of each word that occurs, shape (occurrences,), int32.
        owner: The text in which it occurs, shape (occurrences,), int32, ascending.
    """

    words: list[str]
    flat: NDArray[np.int32]
    owner: NDArray[np.int32]

    @classmethod
    def read(cls, texts: Iterable[list[str]]) -> WordNumbers:
        """Number the words of texts."""
        numbers: dict[str, int] = {}
        parts, lengths = [np.empty(0, dtype=np.int32)], []
        for text in texts:
            parts.append(np.array([numbers.setdefault(word, len(numbers)) for word in text], dtype=np.int32))
            lengths.append(len(text))
        owner = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        return cls(list(numbers), np.concatenate(parts), owner)


@dataclass
class TermCounts:
    """The commonest terms in alphabetical order, and their counts of shape (rows, terms), int32."""

    terms: list[str]
    counts: csr_array = field(repr=False)


def count_words(corpus: WordNumbers, rows: NDArray[np.int64], limit: int) -> TermCounts:
    """Count words.

    Args:
        corpus: The words of texts.
        rows: The row of the counts that each text is counted in, shape (texts,).
        limit: Most words to keep; of words as common, those that turn up first.
    """
    return _count(corpus.flat, rows[corpus.owner], int(rows.max(initial=-1)) + 1, limit, corpus.words.__getitem__)


def count_pairs(corpus: WordNumbers, rows: NDArray[np.int64], limit: int) -> TermCounts:
    """Count each two words in a row, also where a row goes on with its next text, which must follow directly."""
    row, size = rows[corpus.owner], max(len(corpus.words), 1)
    inside = row[:-1] == row[1:]
    pairs = corpus.flat[:-1][inside].astype(np.int64) * size + corpus.flat[1:][inside]

    def spell(pair: int) -> str:
        return f"{corpus.words[pair // size]} {corpus.words[pair % size]}"

    return _count(pairs, row[:-1][inside], int(rows.max(initial=-1)) + 1, limit, spell)


def _count(
    values: NDArray[np.int32] | NDArray[np.int64],
    row: NDArray[np.int64],
    rows: int,
    limit: int,
    spell: Callable[[int], str],
) -> TermCounts:
    distinct, column, totals = np.unique(values, return_inverse=True, return_counts=True)
    commonest = np.argsort(-totals, kind="stable")[:limit]
    names = [spell(value) for value in distinct[commonest].tolist()]
    order = sorted(range(len(names)), key=names.__getitem__)
    place = np.full(len(distinct), -1, dtype=np.int32)
    place[commonest[order]] = np.arange(len(order))
    places = place[column]
    kept = places >= 0
    ones = np.ones(int(kept.sum()), dtype=np.int32)
    counts = csr_array((ones, (row[kept].astype(np.int32), places[kept])), shape=(rows, len(names)))
    return TermCounts([names[i] for i in order], counts)
