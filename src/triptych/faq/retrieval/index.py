"""The searchable FAQ: originals with their known duplicates, indexed in every view.

An entry is an original and its known duplicates; each of its texts is a document. Entries are retrieved by
their best document, and compared with a question by the original's own text and by the best document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.encoding.encoder import WHOLE, TextEncoder, Vectors, encode_questions
from triptych.faq.params import RetrievalParams
from triptych.faq.retrieval.comparison import Comparison
from triptych.faq.retrieval.query import Query, make_queries
from triptych.faq.retrieval.segment import (
    RETRIEVAL_VIEWS,
    Segment,
    arrange_vectors,
    count_chunks,
    count_holding,
    cut_chunks,
)
from triptych.faq.retrieval.texts import Ints, Texts, expand_ranges
from triptych.faq.retrieval.views import ENTRY_VIEWS, VIEWS, Weighting
from triptych.faq.retrieval.vocabulary import Vocabulary

# Fewer documents than this hold no word too often to be looked up.
_RARE = 50
# Scores that are looked at in one go for the least that may be among the best.
_BLOCK = 64
_VIEW_NUMBER = {view.name: number for number, view in enumerate(VIEWS)}


@dataclass(frozen=True)
class StageWeights:
    """How much the parts of a retrieval score count beside the whole text's similarity to the nearest document."""

    title: float = 1.0
    """Times the title's similarity."""
    own: float = 0.0
    """Times the original's own score, which the nearest of many duplicates would outdo by chance."""
    encoded: float = 0.0
    """Times the cosine of the vectors of whole texts, where there is an encoder."""


@dataclass
class FaqIndex:
    """Documents in every view, in runs: those of an entry that came together, its original first.

    As built, each entry has one run, and both are in the order of the originals' ids. What is added later is behind.

    Attributes:
        entries: Ids of the originals, shape (entries,), int64; ascending as built.
        documents: Question id of each document, shape (documents,), int64.
        starts: First document of each run and the number of documents, shape (runs + 1,).
        owners: Number of each run's entry, shape (runs,).
        vocabulary: The terms that are known.
        weightings: How rare they are, by kind.
        passed_over: By view that retrieves, the words of too many documents, ascending: they have no list.
        segments: The documents, part after part.
        weights: How much the views count in retrieval.
        folder: Where vocabulary and weightings are stored; None while they are nowhere.
        encoder: Of questions, if the documents have vectors; None where questions come with theirs.
    """

    entries: Ints
    documents: Ints
    starts: Ints
    owners: Ints
    vocabulary: Vocabulary
    weightings: dict[str, Weighting]
    passed_over: dict[str, Ints]
    segments: list[Segment]
    weights: StageWeights = StageWeights()
    folder: Path | None = None
    encoder: TextEncoder | None = None

    def __post_init__(self) -> None:
        """Sort the runs by entry."""
        self._runs = np.argsort(self.owners, kind="stable")
        self._run_ends = np.searchsorted(self.owners[self._runs], np.arange(len(self.entries) + 1))
        first = self._runs[self._run_ends[:-1]]
        self._firsts = self.starts[first]
        is_later = np.full(len(self.owners), True)
        is_later[first] = False
        self._later = np.flatnonzero(is_later)

    @classmethod
    def build(
        cls,
        questions: pd.DataFrame,
        members: pd.DataFrame,
        params: RetrievalParams,
        counted: NDArray[np.bool_] | None = None,
        encoder: TextEncoder | None = None,
    ) -> FaqIndex:
        """Index originals and their known duplicates.

        Args:
            questions: Columns `question_id`, `title`, `text`, `code`, and `tags` and `answer` where there are any: all
                documents, and any further questions that only help to tell common words from rare ones.
            members: Columns `original_id`, `question_id`: the documents; an original is its own member.
            params: Vocabulary size and retrieval limits.
            counted: Questions that tell common words from rare ones, shape (questions,), at least one; the others are
                documents only. None counts all.
            encoder: Gives documents and questions vectors; None does without.
        """
        order = members.assign(is_duplicate=members["original_id"] != members["question_id"])
        order = order.sort_values(["original_id", "is_duplicate", "question_id"], kind="stable")
        entries, starts = np.unique(order["original_id"].to_numpy(np.int64), return_index=True)
        learned = len(questions)
        if counted is not None:
            learned = int(counted.sum())
            questions = pd.concat([questions[counted], questions[~counted]])
        rows = pd.Index(questions["question_id"]).get_indexer(order["question_id"])
        if (rows < 0).any():
            raise KeyError(f"{int((rows < 0).sum())} members have no question")
        vocabulary, texts = Vocabulary.learn(questions, learned, params.max_terms)
        weightings = fit_weightings(texts.cut(0, learned), vocabulary)
        texts = texts.take(rows)
        held = count_holding(texts, vocabulary)
        passed_over = _find_frequent(held, len(texts), params.max_document_share)
        segment = Segment.build(texts, vocabulary, weightings, held, passed_over)
        if encoder:
            segment = replace(segment, vectors=arrange_vectors(encode_questions(encoder, questions.iloc[rows])))
        documents = order["question_id"].to_numpy(np.int64)
        runs = np.append(starts, len(order)), np.arange(len(entries))
        return cls(entries, documents, *runs, vocabulary, weightings, passed_over, [segment], encoder=encoder)

    @property
    def is_encoded(self) -> bool:
        """Tell whether documents have vectors, and questions need them."""
        return self.segments[0].vectors is not None

    def encode(self, questions: pd.DataFrame) -> Vectors | None:
        """Encode questions (columns `title`, `text`), shape (questions, 2, dimensions); None without an encoder."""
        return encode_questions(self.encoder, questions) if self.encoder else None

    def gather_vectors(self) -> Vectors:
        """Give the vectors of all documents, shape (documents, 2, dimensions), where there is an encoder."""
        parts = [segment.vectors for segment in self.segments if segment.vectors is not None]
        return np.concatenate(parts, axis=1).transpose(1, 0, 2).astype(np.float16)

    def make_queries(self, questions: pd.DataFrame, vectors: Vectors | None = None) -> Iterator[Query]:
        """Weigh the terms of new questions in every view.

        Args:
            questions: Columns `title`, `text`, `code`.
            vectors: What `encode` gave for them; None encodes them, where there is an encoder.
        """
        queries = make_queries(questions, self.vocabulary, self.weightings)
        if not self.is_encoded:
            return queries
        vectors = self.encode(questions) if vectors is None else vectors
        if vectors is None:
            raise ValueError("the documents have vectors, so the questions need some, and there is no encoder")
        return (replace(query, vectors=own) for query, own in zip(queries, vectors, strict=True))

    def retrieve(self, query: Query, count: int, allowed: NDArray[np.bool_] | None = None) -> Ints:
        """Find the entries that are most like a question.

        Args:
            query: The weighted question.
            count: Most entries to return.
            allowed: Documents that may be matched, shape (documents,); None allows all.

        Returns:
            Entry numbers, best first; the smaller id first where scores tie. Entries without an allowed document are
            left out.
        """
        best = self.join_scores(self.score_views(query), allowed, self.weights)
        top = np.flatnonzero(best >= max(_bound_best(best, count), 0))
        if len(top) > count:
            last = np.partition(best[top], -count)[-count]
            above, tied = top[best[top] > last], top[best[top] == last]
            tied = tied[np.argsort(self.entries[tied], kind="stable")]
            top = np.concatenate([above, tied[: count - len(above)]])
        return np.asarray(top[np.lexsort((self.entries[top], -best[top]))], dtype=np.int64)

    def score_views(self, query: Query) -> NDArray[np.float32]:
        """Score every document in the views that retrieve, shape (retrieval views, documents), at least 0.

        Where there is an encoder, the last view is the cosine of the vectors of whole texts.
        """
        scores = np.empty((len(RETRIEVAL_VIEWS) + self.is_encoded, len(self.documents)), dtype=np.float32)
        for start, segment in self._list_segments():
            own = slice(start, start + len(segment))
            for row, name in zip(scores, RETRIEVAL_VIEWS, strict=False):
                terms = query.terms[_VIEW_NUMBER[name]]
                row[own] = segment.postings[name].score(*terms, len(segment))
            if query.vectors is not None:
                scores[-1, own] = segment.score_vectors(query.vectors[WHOLE], WHOLE)
        return scores

    def join_scores(
        self, scores: NDArray[np.float32], allowed: NDArray[np.bool_] | None, weights: StageWeights
    ) -> NDArray[np.float32]:
        """Score entries, shape (entries,): -1 without an allowed document, else at least 0."""
        whole, title, *encoded = scores
        total = whole + np.float32(weights.title) * title
        if encoded and weights.encoded:
            total += np.float32(weights.encoded) * encoded[0]
        if allowed is not None:
            total[~allowed] = -1
        best: NDArray[np.float32] = np.maximum.reduceat(total, self.starts[:-1])
        if len(self._later):
            later = self._later
            best, added = best[self._runs[self._run_ends[:-1]]], best[later]
            np.maximum.at(best, self.owners[later], added)
        own = np.float32(weights.own) * np.maximum(total[self._firsts], 0)
        return np.where(best >= 0, best + own, best)

    def compare(self, query: Query, entries: Ints, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Compare a question with entries in every view.

        Returns:
            Similarities of shape (entries, similarities), at least 0: to the original in every view, then, in those
            that are not of the original alone, to the entry's best allowed document; where there is an encoder, then
            the cosines of its vectors, to the original and to the best document.
        """
        place, owner = expand_ranges(self._run_ends[entries], self._run_ends[entries + 1])
        runs = self._runs[place]
        documents, run = expand_ranges(self.starts[runs], self.starts[runs + 1])
        firsts = np.searchsorted(owner[run], np.arange(len(entries)))
        scores = self._compare_documents(query, documents)
        original = scores[firsts]
        if allowed is not None:
            scores[~allowed[documents]] = 0
        best = np.maximum.reduceat(scores[:, : len(VIEWS) - len(ENTRY_VIEWS)], firsts, axis=0)
        if query.vectors is None:
            return np.hstack([original, best])
        cosines = self._compare_vectors(query.vectors, documents)
        original_cosines = cosines[firsts]
        if allowed is not None:
            cosines[~allowed[documents]] = 0
        return np.hstack([original, best, original_cosines, np.maximum.reduceat(cosines, firsts, axis=0)])

    def find_originals(self, questions: Ints) -> Ints:
        """Find the original that each question is a document of (itself, where it is one), -1 where it is none."""
        document = pd.Index(self.documents).get_indexer(pd.Index(questions))
        run = np.searchsorted(self.starts, document, side="right") - 1
        return np.where(document < 0, -1, self.entries[self.owners[run]])

    def count_unknown(self, words: NDArray[np.int32]) -> tuple[int, int]:
        """Count the words that are no terms, and all of them."""
        return int((words >= self.vocabulary.known).sum()), len(words)

    def _compare_documents(self, query: Query, documents: Ints) -> NDArray[np.float32]:
        comparison = Comparison(query, self.vocabulary, self.weightings)
        return self._score_segments(documents, len(VIEWS), comparison.score)

    def _compare_vectors(self, vectors: Vectors, documents: Ints) -> NDArray[np.float32]:
        return self._score_segments(documents, len(vectors), lambda segment, own: segment.compare_vectors(vectors, own))

    def _score_segments(
        self, documents: Ints, columns: int, score: Callable[[Segment, Ints], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """Score documents with the segment that holds each, by its place there; shape (documents, columns)."""
        scores = np.empty((len(documents), columns), dtype=np.float32)
        for start, segment in self._list_segments():
            own = (documents >= start) & (documents < start + len(segment))
            if own.any():
                scores[own] = score(segment, documents[own] - start)
        return scores

    def _list_segments(self) -> Iterator[tuple[int, Segment]]:
        """Give the first document of each segment, and the segment."""
        start = 0
        for segment in self.segments:
            yield start, segment
            start += len(segment)


def fit_weightings(texts: Texts, vocabulary: Vocabulary) -> dict[str, Weighting]:
    """Count in how many texts each term occurs, for each kind of counts."""
    frequency: dict[str, Ints] = {}
    occurrences: dict[str, float] = {}
    for _, counts in count_chunks(texts, vocabulary):
        for kind, matrix in counts.items():
            found = np.bincount(matrix.indices, minlength=matrix.shape[1])
            frequency[kind] = frequency[kind] + found if kind in frequency else found
            occurrences[kind] = occurrences.get(kind, 0.0) + float(matrix.data.sum())
    fitted = {
        kind: Weighting.from_frequencies(len(texts), found, occurrences[kind]) for kind, found in frequency.items()
    }
    for kind in {view.document for view in VIEWS if view.measure == "distinct"}:
        fitted[kind] = replace(fitted[kind], mean_weights=_average_weights(texts, vocabulary, kind, fitted[kind]))
    # Few have any: how rare a word is, is told by the questions.
    return fitted | dict.fromkeys(("answer", "tags"), fitted["all"])


def _average_weights(texts: Texts, vocabulary: Vocabulary, kind: str, weighting: Weighting) -> NDArray[np.float32]:
    """Average the TF-IDF weights of all texts, the length of each 1, shape (terms,)."""
    total = np.zeros(vocabulary.known)
    for _, chunk in cut_chunks(texts):
        weights = weighting.weigh_document("tfidf", vocabulary.count_words(chunk, [kind])[kind])
        total += np.bincount(weights.indices, weights.data, minlength=len(total))
    return (total / max(len(texts), 1)).astype(np.float32)


def _find_frequent(held: dict[str, Ints], documents: int, most: float) -> dict[str, Ints]:
    """List the words that more than a share of the documents hold, by view that retrieves."""
    longest = max(most * documents, _RARE)
    return {name: np.flatnonzero(count > longest) for name, count in held.items()}


def _bound_best(scores: NDArray[np.float32], count: int) -> float:
    """Give a score that at least `count` reach (all, if they are no more): cheap, of blocks' best ones."""
    blocks = len(scores) // _BLOCK
    if blocks <= count:
        return float(scores.min(initial=0))
    best = scores[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
    return float(np.partition(best, -count)[-count])
