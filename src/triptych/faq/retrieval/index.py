"""The searchable FAQ: originals with their known duplicates, indexed in every view.

An entry is an original and its known duplicates; each of its texts is a document. Entries are retrieved by
their best document, and compared with a question by the original's own text and by the best document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, vstack

from triptych.faq.params import RetrievalParams
from triptych.faq.retrieval.views import ENTRY_VIEWS, VIEWS, FieldCounts, Weighting

# Retrieval adds up these two views: the whole text, and the title alone.
RETRIEVAL_VIEWS = ("all", "title")


@dataclass(frozen=True)
class Query:
    """The weighted terms of one question: for each view, term numbers and weights."""

    terms: tuple[tuple[NDArray[np.int32], NDArray[np.float32]], ...]


@dataclass(frozen=True)
class StageWeights:
    """How much the parts of a retrieval score count beside the whole text's similarity to the nearest document."""

    title: float = 1.0
    """Times the title's similarity."""
    own: float = 0.0
    """Times the original's own score, which the nearest of many duplicates would outdo by chance."""


class FaqIndex:
    """Documents in every view, ordered by entry, the original first.

    Attributes:
        entries: Ids of the originals, shape (entries,), int64, ascending.
        documents: Question id of each document, shape (documents,), int64.
        starts: First document of each entry and the number of documents, shape (entries + 1,).
    """

    def __init__(
        self,
        entries: NDArray[np.int64],
        documents: NDArray[np.int64],
        starts: NDArray[np.int64],
        counts: FieldCounts,
        weightings: dict[str, Weighting],
        matrices: list[csr_array],
        max_document_share: float,
        weights: StageWeights | None = None,
    ) -> None:
        self.entries, self.documents, self.starts = entries, documents, starts
        self.counts, self.weightings, self.matrices = counts, weightings, matrices
        self.max_document_share = max_document_share
        self.weights = weights or StageWeights()
        self._postings = [self._make_postings(name) for name in RETRIEVAL_VIEWS]

    @classmethod
    def build(
        cls,
        questions: pd.DataFrame,
        members: pd.DataFrame,
        params: RetrievalParams,
        counted: NDArray[np.bool_] | None = None,
    ) -> FaqIndex:
        """Index originals and their known duplicates.

        Args:
            questions: Columns `question_id`, `title`, `text`, `code`, and `tags` and `answer` where there are any: all
                documents, and any further questions that only help to tell common words from rare ones.
            members: Columns `original_id`, `question_id`: the documents; an original is its own member.
            params: Vocabulary size and retrieval limits.
            counted: Questions that tell common words from rare ones, shape (questions,), at least one; the others are
                documents only. None counts all.
        """
        order = members.assign(is_duplicate=members["original_id"] != members["question_id"])
        order = order.sort_values(["original_id", "is_duplicate", "question_id"], kind="stable")
        entries, starts = np.unique(order["original_id"].to_numpy(np.int64), return_index=True)
        learned = questions if counted is None else questions[counted]
        field_counts, counts = FieldCounts.fit_count(learned, params.max_terms)
        weightings = {kind: Weighting.fit(matrix) for kind, matrix in counts.items()}
        # Few have any: how rare a word is, is told by the questions.
        weightings |= dict.fromkeys(("answer", "tags"), weightings["all"])
        if len(learned) < len(questions):
            others = questions[~questions["question_id"].isin(learned["question_id"])]
            more = field_counts.count(others)
            counts = {kind: csr_array(vstack([counts.pop(kind), more[kind]])) for kind in list(counts)}
            questions = pd.concat([learned, others])
        rows = pd.Index(questions["question_id"]).get_indexer(order["question_id"])
        if (rows < 0).any():
            raise KeyError(f"{int((rows < 0).sum())} members have no question")
        # Popped, for all counts and all matrices at once take twice the memory.
        own = {kind: csr_array(counts.pop(kind)[rows]) for kind in list(counts)}
        matrices = {
            (v.document, v.measure): weightings[v.document].weigh_document(v.measure, own[v.document]) for v in VIEWS
        }
        return cls(
            entries,
            order["question_id"].to_numpy(np.int64),
            np.append(starts, len(order)),
            field_counts,
            weightings,
            [matrices[view.document, view.measure] for view in VIEWS],
            params.max_document_share,
        )

    def make_queries(self, questions: pd.DataFrame) -> Iterator[Query]:
        """Weigh the terms of new questions (columns `title`, `text`, `code`) in every view."""
        counts = self.counts.count(questions)
        sides = [self.weightings[v.document].weigh_query(v.measure, counts[v.query]) for v in VIEWS]
        for i in range(len(questions)):
            slices = [slice(side.indptr[i], side.indptr[i + 1]) for side in sides]
            yield Query(tuple((s.indices[w], s.data[w]) for s, w in zip(sides, slices, strict=True)))

    def retrieve(self, query: Query, count: int, allowed: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Find the entries that are most like a question.

        Args:
            query: The weighted question.
            count: Most entries to return.
            allowed: Documents that may be matched, shape (documents,); None allows all.

        Returns:
            Entry numbers, best first; the smaller number first where scores tie. Entries without an allowed
            document are left out.
        """
        best = self.join_scores(self.score_views(query), allowed, self.weights)
        top = np.flatnonzero(best >= 0)
        if len(top) > count:
            last = np.partition(best[top], -count)[-count]
            above, tied = top[best[top] > last], top[best[top] == last]
            top = np.concatenate([above, tied[: count - len(above)]])
        return np.asarray(top[np.lexsort((top, -best[top]))], dtype=np.int64)

    def score_views(self, query: Query) -> NDArray[np.float32]:
        """Score every document in the views that retrieve, shape (retrieval views, documents), at least 0."""
        scores = np.zeros((len(RETRIEVAL_VIEWS), len(self.documents)), dtype=np.float32)
        for row, name, postings in zip(scores, RETRIEVAL_VIEWS, self._postings, strict=True):
            self._add_postings(row, postings, *query.terms[_VIEW_NUMBER[name]])
        return scores

    def join_scores(
        self, scores: NDArray[np.float32], allowed: NDArray[np.bool_] | None, weights: StageWeights
    ) -> NDArray[np.float32]:
        """Score entries, shape (entries,): -1 without an allowed document, else at least 0."""
        whole, title = scores
        total = whole + np.float32(weights.title) * title
        if allowed is not None:
            total[~allowed] = -1
        firsts = self.starts[:-1]
        best: NDArray[np.float32] = np.maximum.reduceat(total, firsts)
        own = np.float32(weights.own) * np.maximum(total[firsts], 0)
        return np.where(best >= 0, best + own, best)

    def compare(
        self, query: Query, entries: NDArray[np.int64], allowed: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Compare a question with entries in every view.

        Returns:
            Similarities of shape (entries, similarities), at least 0: to the original in every view, then, in those
            that are not of the original alone, to the entry's best allowed document.
        """
        documents, owner = _expand_ranges(self.starts[entries], self.starts[entries + 1])
        firsts = np.searchsorted(owner, np.arange(len(entries)))
        blocked = None if allowed is None else ~allowed[documents]
        original = np.empty((len(entries), len(VIEWS)), dtype=np.float32)
        best = np.empty_like(original)
        for view, (matrix, (terms, weights)) in enumerate(zip(self.matrices, query.terms, strict=True)):
            dense = np.zeros(matrix.shape[1], dtype=np.float32)
            dense[terms] = weights
            scores = matrix[documents] @ dense
            original[:, view] = scores[firsts]
            if blocked is not None:
                scores[blocked] = 0
            best[:, view] = np.maximum.reduceat(scores, firsts)
        return np.hstack([original, best[:, : len(VIEWS) - len(ENTRY_VIEWS)]])

    def _make_postings(self, name: str) -> csc_array:
        return csc_array(self.matrices[_VIEW_NUMBER[name]])

    def _add_postings(
        self,
        scores: NDArray[np.float32],
        postings: csc_array,
        terms: NDArray[np.int32],
        weights: NDArray[np.float32],
    ) -> None:
        """Add each term's weight to the documents that hold it; very common terms are passed over."""
        longest = max(self.max_document_share * len(self.documents), 50)
        for term, weight in zip(terms.tolist(), weights.tolist(), strict=True):
            start, end = postings.indptr[term], postings.indptr[term + 1]
            if end - start <= longest:
                scores[postings.indices[start:end]] += weight * postings.data[start:end]


def _expand_ranges(starts: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the numbers of several ranges one after the other, and which range each comes from."""
    lengths = ends - starts
    owner = np.repeat(np.arange(len(starts)), lengths)
    shift = starts - (np.cumsum(lengths) - lengths)
    return np.arange(len(owner)) + shift[owner], owner


_VIEW_NUMBER = {view.name: number for number, view in enumerate(VIEWS)}
