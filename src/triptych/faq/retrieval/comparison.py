"""Compare one question with a few documents in every view, from nothing but the documents' term numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from triptych.faq.retrieval.query import Query
from triptych.faq.retrieval.segment import Segment, name_side
from triptych.faq.retrieval.texts import ASKED_FIELDS, FIELDS, LEADS, Ints, expand_ranges
from triptych.faq.retrieval.views import VIEWS, Weighting
from triptych.faq.retrieval.vocabulary import FIELD_WEIGHTS, Vocabulary

# Cells of counts that are held at a time (8 bytes each): documents x fields x the question's words.
_CELLS = 1 << 22
Counts = NDArray[np.int64]
_WORD_VIEWS = [number for number, view in enumerate(VIEWS) if view.document in FIELD_WEIGHTS]
_PAIR_VIEWS = [number for number, view in enumerate(VIEWS) if view.document == "word_pairs"]
_GRAM_VIEWS = [number for number, view in enumerate(VIEWS) if view.document.endswith("_chars")]


class Comparison:
    """A question, ready to be compared: its terms get small numbers, in which documents are counted."""

    def __init__(self, query: Query, vocabulary: Vocabulary, weightings: dict[str, Weighting]) -> None:
        self._terms, self._weightings = query.terms, weightings
        size = max(len(vocabulary.words), 1)
        pairs = _join(query, _PAIR_VIEWS)
        first, second = np.divmod(vocabulary.pairs[pairs], size)
        words = np.unique(np.concatenate([_join(query, _WORD_VIEWS), first, second]))
        self._table = _number(words, len(vocabulary.words))
        self._pair_codes = self._table[first].astype(np.int64) * len(words) + self._table[second]
        # Behind the terms come words that only pairs have.
        self._words, self._size = words[words < vocabulary.known], len(words)
        self._pairs = pairs
        self._grams = _join(query, _GRAM_VIEWS)
        self._gram_table = _number(self._grams, len(vocabulary.grams))

    def score(self, segment: Segment, documents: Ints) -> NDArray[np.float32]:
        """Score documents of a segment, shape (documents, views), at least 0."""
        width = max(len(FIELDS) * self._size, LEADS * len(self._grams), len(self._pairs), 1)
        step = max(_CELLS // width, 1)
        parts = [self._score(segment, documents[i : i + step]) for i in range(0, len(documents), step)]
        return np.concatenate([np.empty((0, len(VIEWS)), dtype=np.float32), *parts])

    def _score(self, segment: Segment, documents: Ints) -> NDArray[np.float32]:
        scores = np.empty((len(documents), len(VIEWS)), dtype=np.float32)
        fields, pairs = self._count_words(segment, documents)
        leads = self._count_grams(segment, documents)
        found = {
            kind: (self._words, (fields * np.array(weights)[:, None]).sum(axis=1))
            for kind, weights in FIELD_WEIGHTS.items()
        }
        found["word_pairs"] = (self._pairs, pairs)
        found["title_chars"], found["lead_chars"] = (self._grams, leads[:, 0]), (self._grams, leads.sum(axis=1))
        occurring = {kind: _list_occurring(counts) for kind, (_, counts) in found.items()}
        for number, view in enumerate(VIEWS):
            terms = found[view.document][0]
            row, column, often = occurring[view.document]
            asked = np.zeros(len(terms), dtype=np.float32)
            asked[np.searchsorted(terms, self._terms[number][0])] = self._terms[number][1]
            scale = segment.scales[name_side(view.document, view.measure)][documents][row]
            weights = self._weightings[view.document].weigh_terms(view.measure, often, terms[column], scale)
            # Summed in the order of the terms, whatever the other documents: equal texts score the same.
            scores[:, number] = np.bincount(row, weights * asked[column], minlength=len(documents))
        return scores

    def _count_words(self, segment: Segment, documents: Ints) -> tuple[Counts, Counts]:
        """Count the question's words, shape (documents, fields, terms), and its pairs, shape (documents, pairs)."""
        texts, n_fields, size = segment.texts, len(FIELDS), self._size
        rows = (documents[:, None] * n_fields + np.arange(n_fields)).ravel()
        place, row = expand_ranges(texts.word_ends[rows], texts.word_ends[rows + 1])
        local = self._table[texts.words[place]]
        hit = np.flatnonzero(local >= 0)
        local, row, place = local[hit].astype(np.int64), row[hit], hit
        cells = np.bincount(row * size + local, minlength=len(rows) * size).reshape(len(documents), n_fields, size)
        beside = (np.diff(place) == 1) & (row[:-1] // n_fields == row[1:] // n_fields)
        beside &= row[1:] % n_fields < ASKED_FIELDS
        codes = local[:-1][beside] * size + local[1:][beside]
        pair = np.searchsorted(self._pair_codes, codes)
        known = np.append(self._pair_codes, -1)[pair] == codes
        cell = (row[:-1][beside] // n_fields)[known] * len(self._pairs) + pair[known]
        pairs = np.bincount(cell, minlength=len(documents) * len(self._pairs))
        return cells[:, :, : len(self._words)], pairs.reshape(len(documents), len(self._pairs))

    def _count_grams(self, segment: Segment, documents: Ints) -> Counts:
        """Count the question's n-grams in title and beginning, shape (documents, 2, n-grams)."""
        texts, size = segment.texts, len(self._grams)
        rows = (documents[:, None] * LEADS + np.arange(LEADS)).ravel()
        place, row = expand_ranges(texts.lead_ends[rows], texts.lead_ends[rows + 1])
        # The n-grams of each written word once, and only the question's.
        written, lead = np.unique(texts.leads[place], return_inverse=True)
        place, word = expand_ranges(texts.grams.ends[written], texts.grams.ends[written + 1])
        local = self._gram_table[texts.grams.numbers[place]]
        hit = local >= 0
        local = local[hit].astype(np.int64)
        ends = np.searchsorted(word[hit], np.arange(len(written) + 1))
        place, occurrence = expand_ranges(ends[lead], ends[lead + 1])
        cells = np.bincount(row[occurrence] * size + local[place], minlength=len(rows) * size)
        return cells.reshape(len(documents), LEADS, size)


def _list_occurring(counts: Counts) -> tuple[Ints, Ints, Counts]:
    """List the cells above 0: their rows, columns and counts."""
    flat = np.ascontiguousarray(counts).reshape(-1)
    cells = np.flatnonzero(flat != 0)  # of booleans it is many times as fast
    row, column = np.divmod(cells, max(counts.shape[1], 1))
    return row, column, flat[cells]


def _join(query: Query, views: list[int]) -> Ints:
    """List the terms of some views of a question, each once, ascending."""
    return np.unique(np.concatenate([query.terms[view][0] for view in views])).astype(np.int64)


def _number(terms: Ints, size: int) -> NDArray[np.int32]:
    """Map the numbers of `size` terms, and of none, to places among a question's terms; -1: not among them."""
    table = np.full(size + 1, -1, dtype=np.int32)
    table[terms] = np.arange(len(terms))
    return table
