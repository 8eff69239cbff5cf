"""A part of the FAQ's documents: their texts, what their weights are scaled by, and inverted lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from triptych.faq.encoding.encoder import Vectors
from triptych.faq.retrieval.texts import Ints, Texts, join_texts
from triptych.faq.retrieval.views import VIEWS, Measure, Weighting
from triptych.faq.retrieval.vocabulary import Vocabulary

# Retrieval adds up these two views: the whole text, and the title alone.
RETRIEVAL_VIEWS = ("all", "title")
# Distinct sides of documents, of all views.
SIDES: tuple[tuple[str, Measure], ...] = tuple(sorted({(v.document, v.measure) for v in VIEWS}))
# Texts whose counts are held at a time: about 15 KB each.
_CHUNK_TEXTS = 8192
# Of a cosine that are sure.
_DIGITS = 5


@dataclass(frozen=True)
class Postings:
    """Inverted lists of one view.

    Attributes:
        starts: Where the list of each term starts, and the last one ends, shape (terms + 1,), int64.
        documents: The documents that hold a term, ascending in each list, int32.
        weights: The term's weight in each, float32.
    """

    starts: Ints
    documents: NDArray[np.int32]
    weights: NDArray[np.float32]

    def score(self, terms: NDArray[np.int32], weights: NDArray[np.float32], size: int) -> NDArray[np.float32]:
        """Add up the weights of a question's terms in each of `size` documents, in the order of the terms."""
        lists = [slice(start, end) for start, end in zip(self.starts[terms], self.starts[terms + 1], strict=True)]
        if not lists:
            return np.zeros(size, dtype=np.float32)
        ends = np.cumsum([0, *(own.stop - own.start for own in lists)])
        documents = np.concatenate([self.documents[own] for own in lists])
        data = np.concatenate([self.weights[own] for own in lists])
        # A product with the lists side by side runs in C; adding list by list takes four times as long.
        scores: NDArray[np.float32] = csc_array((data, documents, ends), shape=(size, len(lists))) @ weights
        return scores


@dataclass(frozen=True)
class Segment:
    """Documents that were indexed together.

    Attributes:
        texts: The documents.
        scales: By side (`all.tfidf`), what weights are scaled by, shape (documents,), float32.
        postings: By view that retrieves.
        vectors: Of titles, then of whole texts, shape (2, documents, dimensions); None without an encoder. In 32 bits:
            a search through 16 takes six times as long, most of it to make 32 of them.
        folder: Where it is stored; None while it is nowhere.
    """

    texts: Texts
    scales: dict[str, NDArray[np.float32]]
    postings: dict[str, Postings]
    vectors: NDArray[np.float32] | None = None
    folder: Path | None = field(default=None, compare=False)

    @classmethod
    def build(
        cls,
        texts: Texts,
        vocabulary: Vocabulary,
        weightings: dict[str, Weighting],
        held: dict[str, Ints],
        passed_over: dict[str, Ints],
    ) -> Segment:
        """Weigh documents, and sort them into lists.

        Args:
            texts: The documents.
            vocabulary: Theirs.
            weightings: By kind.
            held: By view that retrieves, how many of the documents hold each term, shape (terms,).
            passed_over: By view that retrieves, the terms that get no list.
        """
        lists = {name: _PostingsWriter(held[name], passed_over[name]) for name in RETRIEVAL_VIEWS}
        scales = {name_side(*side): np.empty(len(texts), dtype=np.float32) for side in SIDES}
        for start, counts in count_chunks(texts, vocabulary):
            for kind, measure in SIDES:
                found = weightings[kind].scale_documents(measure, counts[kind])
                scales[name_side(kind, measure)][start : start + len(found)] = found
            for name, writer in lists.items():
                writer.add(start, weightings[name].weigh_document("tfidf", counts[name]))
        return cls(texts, scales, {name: writer.postings for name, writer in lists.items()})

    def __len__(self) -> int:
        """Count the documents."""
        return len(self.texts)

    def score_vectors(self, vector: Vectors, side: int) -> NDArray[np.float32]:
        """Give the cosine of a question's vector to that of every document on one side, shape (documents,), at least 0.

        A flat search: it misses nothing, and takes time in proportion to the documents.
        """
        assert self.vectors is not None, "without an encoder nothing is asked by vectors"  # noqa: S101
        found = self.vectors[side] @ vector.astype(np.float32)
        # Equal texts differ in the last digits, by their place.
        return np.asarray(np.maximum(np.round(found, _DIGITS), 0), dtype=np.float32)

    def compare_vectors(self, vectors: Vectors, documents: Ints) -> NDArray[np.float32]:
        """Give the cosines of a question's vectors to those of some documents, shape (documents, 2), at least 0.

        Summed in one order, whatever the other documents: equal texts score the same.
        """
        assert self.vectors is not None, "without an encoder nothing is asked by vectors"  # noqa: S101
        products = self.vectors[:, documents] * vectors.astype(np.float32)[:, None]
        return np.asarray(np.maximum(products.sum(axis=2), 0).T, dtype=np.float32)


def join_segments(parts: Sequence[Segment]) -> Segment:
    """Put segments of one vocabulary together, as if they had been built as one."""
    scales = {side: np.concatenate([part.scales[side] for part in parts]) for side in parts[0].scales}
    sizes = [len(part) for part in parts]
    postings = {name: _join_postings([part.postings[name] for part in parts], sizes) for name in RETRIEVAL_VIEWS}
    vectors = [part.vectors for part in parts if part.vectors is not None]
    texts = join_texts([part.texts for part in parts])
    return Segment(texts, scales, postings, np.concatenate(vectors, axis=1) if vectors else None)


def _join_postings(parts: list[Postings], sizes: list[int]) -> Postings:
    lengths = [np.diff(part.starts) for part in parts]
    starts = np.concatenate([[0], np.cumsum(np.sum(lengths, axis=0))])
    documents, weights = np.empty(starts[-1], dtype=np.int32), np.empty(starts[-1], dtype=np.float32)
    free, first = starts[:-1].copy(), 0
    for part, length, size in zip(parts, lengths, sizes, strict=True):
        place = np.arange(len(part.documents)) + np.repeat(free - part.starts[:-1], length)
        documents[place], weights[place] = part.documents + first, part.weights
        free, first = free + length, first + size
    return Postings(starts, documents, weights)


def arrange_vectors(vectors: Vectors | None) -> NDArray[np.float32] | None:
    """Arrange what an encoder gives for documents, shape (documents, 2, dimensions), as a segment has it."""
    return None if vectors is None else np.ascontiguousarray(vectors.transpose(1, 0, 2), dtype=np.float32)


def name_side(kind: str, measure: Measure) -> str:
    """Name the documents' side of a view."""
    return f"{kind}.{measure}"


def count_chunks(texts: Texts, vocabulary: Vocabulary) -> Iterator[tuple[int, dict[str, csr_array]]]:
    """Count the terms of some texts at a time; gives the first one's number, too."""
    for start, chunk in cut_chunks(texts):
        yield start, vocabulary.count(chunk)


def count_holding(texts: Texts, vocabulary: Vocabulary) -> dict[str, Ints]:
    """Count the texts that hold each word, by view that retrieves."""
    held = {name: np.zeros(vocabulary.known, dtype=np.int64) for name in RETRIEVAL_VIEWS}
    for _, chunk in cut_chunks(texts):
        counts = vocabulary.count_words(chunk, RETRIEVAL_VIEWS)
        for name, total in held.items():
            total += np.bincount(counts[name].indices, minlength=vocabulary.known)
    return held


def cut_chunks(texts: Texts) -> Iterator[tuple[int, Texts]]:
    """Cut texts into parts whose counts fit into memory; gives the first one's number, too."""
    for start in range(0, len(texts), _CHUNK_TEXTS):
        yield start, texts.cut(start, min(start + _CHUNK_TEXTS, len(texts)))


class _PostingsWriter:
    """Fills lists whose lengths are known."""

    def __init__(self, held: Ints, passed_over: Ints) -> None:
        lengths = held.copy()
        lengths[passed_over] = 0
        starts = np.concatenate([[0], np.cumsum(lengths)])
        self._listed = lengths > 0
        self._next = starts[:-1].copy()
        size = int(starts[-1])
        self.postings = Postings(starts, np.empty(size, dtype=np.int32), np.empty(size, dtype=np.float32))

    def add(self, first: int, weights: csr_array) -> None:
        """Add documents, numbered from `first`, shape (documents, terms)."""
        by_term = weights.tocsc()
        lengths = np.diff(by_term.indptr)
        kept = np.repeat(self._listed, lengths)
        lengths = np.where(self._listed, lengths, 0)
        shift = self._next - (np.cumsum(lengths) - lengths)
        place = np.arange(int(lengths.sum())) + np.repeat(shift, lengths)
        self.postings.documents[place] = by_term.indices[kept] + first
        self.postings.weights[place] = by_term.data[kept]
        self._next += lengths
