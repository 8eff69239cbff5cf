"""Texts as numbers of a vocabulary's terms: what is kept of a document, 4 bytes a word.

Counts of every kind (fields, word pairs, character n-grams) follow from it, for the few documents that are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Ints = NDArray[np.int64]
FIELDS = ("title", "text", "code", "tags", "answer")
# New questions have these; tags and answer are an original's alone.
ASKED_FIELDS = 3
# Character n-grams are counted over the title and the beginning of the text.
LEADS = 2


@dataclass(frozen=True)
class Grams:
    """The character n-grams of words as they are written, white space around them.

    Attributes:
        numbers: The n-grams of the words, one word after the other; one that occurs twice stands twice. int32.
        ends: Where each word's start, and the last one's end, shape (words + 1,), int64.
        size: How many n-grams are known.
    """

    numbers: NDArray[np.int32]
    ends: Ints
    size: int

    def count(self, words: NDArray[np.integer]) -> csr_array:
        """Count the n-grams of some words, shape (words, n-grams), int32."""
        numbers, ends = _take(self.numbers, self.ends, words)
        return csr_array((np.ones(len(numbers), dtype=np.int32), numbers, ends), shape=(len(words), self.size))


@dataclass(frozen=True)
class Texts:
    """The fields of some texts as term numbers.

    Attributes:
        words: Numbers of words, text after text, in each the fields in their order, int32; what the vocabulary does not
            have is the number after the last one.
        word_ends: Where each field starts, and the last one ends, shape (texts x fields + 1,), int64.
        leads: Rows of `grams`: the written words of the title and of the text's beginning, int32.
        lead_ends: Where either starts, and the last one ends, shape (texts x 2 + 1,), int64.
        grams: The character n-grams of written words.
    """

    words: NDArray[np.int32]
    word_ends: Ints
    leads: NDArray[np.int32]
    lead_ends: Ints
    grams: Grams

    def __len__(self) -> int:
        """Count the texts."""
        return len(self.word_ends) // len(FIELDS)

    def cut(self, start: int, end: int) -> Texts:
        """Give the texts from number `start` to before `end`, without a copy."""
        words, word_ends = _cut(self.words, self.word_ends, start * len(FIELDS), end * len(FIELDS))
        leads, lead_ends = _cut(self.leads, self.lead_ends, start * LEADS, end * LEADS)
        return Texts(words, word_ends, leads, lead_ends, self.grams)

    def take(self, rows: Ints) -> Texts:
        """Copy some texts."""
        fields = (rows[:, None] * len(FIELDS) + np.arange(len(FIELDS))).ravel()
        words, word_ends = _take(self.words, self.word_ends, fields)
        leads, lead_ends = _take(self.leads, self.lead_ends, (rows[:, None] * LEADS + np.arange(LEADS)).ravel())
        return Texts(words, word_ends, leads, lead_ends, self.grams)


def expand_ranges(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """List the numbers of several ranges one after the other, and which range each comes from."""
    lengths = ends - starts
    owner = np.repeat(np.arange(len(starts)), lengths)
    shift = starts - (np.cumsum(lengths) - lengths)
    return np.arange(len(owner)) + shift[owner], owner


def join_texts(parts: Sequence[Texts]) -> Texts:
    """Put texts of one vocabulary one after the other."""
    grams = [part.grams for part in parts]
    # Each part numbers its written words from 0.
    shifts = np.cumsum([0, *(len(own.ends) - 1 for own in grams)])
    leads = [part.leads + np.int32(shift) for part, shift in zip(parts, shifts, strict=False)]
    numbers = np.concatenate([own.numbers for own in grams])
    return Texts(
        np.concatenate([part.words for part in parts]),
        _join_ends([part.word_ends for part in parts]),
        np.concatenate(leads),
        _join_ends([part.lead_ends for part in parts]),
        Grams(numbers, _join_ends([own.ends for own in grams]), grams[0].size),
    )


def _join_ends(parts: list[Ints]) -> Ints:
    return np.concatenate([[0], np.cumsum(np.concatenate([np.diff(ends) for ends in parts]))])


def _cut(flat: NDArray[np.int32], ends: Ints, start: int, end: int) -> tuple[NDArray[np.int32], Ints]:
    own = np.asarray(ends[start : end + 1])
    return flat[own[0] : own[-1]], own - own[0]


def _take(flat: NDArray[np.int32], ends: Ints, rows: NDArray[np.integer]) -> tuple[NDArray[np.int32], Ints]:
    lengths = ends[rows + 1] - ends[rows]
    new_ends = np.concatenate([[0], np.cumsum(lengths)])
    taken = np.empty(new_ends[-1], dtype=np.int32)
    # In parts: the places alone take 8 bytes each.
    for start in range(0, len(rows), 1 << 16):
        part = rows[start : start + (1 << 16)]
        places, _ = expand_ranges(ends[part], ends[part + 1])
        taken[new_ends[start] : new_ends[start + len(part)]] = flat[places]
    return taken, new_ends
