"""Weigh the counts of questions in several views.

A view compares one kind of counts of a question with one kind of a document: fields (title, text, code) summed
with weights, word pairs, or character n-grams. Measures:

* `tfidf`: cosine of (1 + log tf) idf.
* `bm25`: Okapi's (Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009), with
  k1 = 1.2, b = 0.75, k3 = 8.
* `document_share`, `query_share`: how much of the document's, or of the question's, idf mass is shared.
* `distinct`: the cosine over the root of how alike the document is to questions at large. Some documents are near to
  everything, as their words are what everybody writes: hubs (Radovanović, Nanopoulos and Ivanović, "Hubs in space",
  JMLR 2010). Their similarity says less.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

K1, B, K3 = 1.2, 0.75, 8.0

# Added to how alike a document is to questions at large, in means of that: the least does not divide by nothing.
HUB_FLOOR = 0.5

Measure = Literal["tfidf", "bm25", "document_share", "query_share", "distinct"]


@dataclass(frozen=True)
class View:
    """A way to compare a question with a document: which counts of either, and the measure."""

    name: str
    query: str
    document: str
    measure: Measure = "tfidf"


VIEWS = (
    View("all", "all", "all"),
    View("title", "title", "title"),
    View("text", "text", "text"),
    View("code", "code", "code"),
    View("question_to_title", "question", "title"),
    View("title_to_question", "title", "question"),
    View("title_chars", "title_chars", "title_chars"),
    View("lead_chars", "lead_chars", "lead_chars"),
    View("word_pairs", "word_pairs", "word_pairs"),
    View("all_bm25", "all", "all", "bm25"),
    View("title_bm25", "title", "title", "bm25"),
    View("title_covered", "all", "title", "document_share"),
    View("all_covered", "all", "all", "document_share"),
    View("covered_by_title", "all", "title", "query_share"),
    View("distinct", "titled", "titled", "distinct"),
    View("answer", "all", "answer"),
    View("title_to_answer", "title", "answer"),
    View("tags_covered", "all", "tags", "document_share"),
)
# The last ones compare with what an original alone has: its answer and its tags. A new question's own tags are not
# used, for many have none.
ENTRY_VIEWS = ("answer", "title_to_answer", "tags_covered")


@dataclass(frozen=True)
class Weighting:
    """Inverse document frequencies and mean length of one kind of document counts.

    Attributes:
        idf: Inverse document frequency of each term, shape (terms,), float32.
        bm25_idf: The same in BM25's form.
        mean_length: Mean document length, in tokens.
        mean_weights: What documents weigh each term in the mean, their lengths 1, shape (terms,), float32; of the kinds
            that are compared by `distinct`, empty else.
    """

    idf: NDArray[np.float32]
    bm25_idf: NDArray[np.float32]
    mean_length: float
    mean_weights: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, dtype=np.float32))

    @classmethod
    def fit(cls, counts: csr_array) -> Weighting:
        """Count in how many documents each term occurs."""
        frequency = np.bincount(counts.indices, minlength=counts.shape[1])
        return cls.from_frequencies(counts.shape[0], frequency, float(counts.sum()))

    @classmethod
    def from_frequencies(cls, documents: int, frequency: NDArray[np.int64], occurrences: float) -> Weighting:
        """Take how many documents hold each term, shape (terms,), and how often all terms occur in them."""
        idf = np.log((1 + documents) / (1 + frequency)) + 1
        bm25_idf = np.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))
        mean_length = occurrences / max(documents, 1)
        return cls(idf.astype(np.float32), bm25_idf.astype(np.float32), max(mean_length, 1e-9))

    def scale_documents(self, measure: Measure, counts: csr_array) -> NDArray[np.float32]:
        """Give what the weights of each document are scaled by, shape (documents,); of BM25, its saturation."""
        if measure == "query_share":
            return np.ones(counts.shape[0], dtype=np.float32)
        if measure == "bm25":
            lengths = _sum_rows(counts, counts.data.astype(np.float32))
            return (K1 * (1 - B + B * lengths / self.mean_length)).astype(np.float32)
        weights = self.weigh_terms(measure, counts.data, counts.indices, np.float32(1))
        share = measure == "document_share"
        norm = np.maximum(_sum_rows(counts, weights) if share else np.sqrt(_sum_rows(counts, weights * weights)), 1e-9)
        if measure == "distinct":
            alike = _sum_rows(counts, weights * self.mean_weights[counts.indices]) / norm
            norm *= np.sqrt(HUB_FLOOR + alike / max(float(self.mean_weights @ self.mean_weights), 1e-9))
        return (1 / norm).astype(np.float32)

    def weigh_terms(
        self,
        measure: Measure,
        frequency: NDArray[np.integer],
        terms: NDArray[np.integer],
        scale: NDArray[np.float32] | np.float32,
    ) -> NDArray[np.float32]:
        """Weigh occurrences of terms in documents.

        Args:
            measure: Whose documents' side.
            frequency: How often each occurs in its document, above 0, shape (occurrences,).
            terms: Number of each.
            scale: What `scale_documents` gave for its document.
        """
        weights: NDArray[np.float32]
        if measure in ("tfidf", "distinct"):
            weights = (1 + np.log(frequency.astype(np.float32))) * self.idf[terms] * scale
        elif measure == "bm25":
            often = frequency.astype(np.float32)
            weights = (K1 + 1) * (often / (often + scale)) * self.bm25_idf[terms]
        elif measure == "document_share":
            weights = self.bm25_idf[terms] * scale
        else:
            weights = np.ones(len(terms), dtype=np.float32)
        return weights

    def weigh_document(self, measure: Measure, counts: csr_array) -> csr_array:
        """Weigh the documents' side of a measure."""
        scale = np.repeat(self.scale_documents(measure, counts), np.diff(counts.indptr))
        return _replace_data(counts, self.weigh_terms(measure, counts.data, counts.indices, scale))

    def weigh_query(self, measure: Measure, counts: csr_array) -> csr_array:
        """Weigh the question's side of a measure; the dot product of both sides is the similarity."""
        if measure == "bm25":
            frequency = counts.data.astype(np.float32)
            return _replace_data(counts, (K3 + 1) * frequency / (K3 + frequency))
        swapped: dict[Measure, Measure] = {
            "document_share": "query_share",
            "query_share": "document_share",
            "distinct": "tfidf",
        }
        return self.weigh_document(swapped.get(measure, measure), counts)


# Plain array arithmetic: scipy's operators would cost a single question more than all else, and copy the
# term numbers, which the views of one kind of counts share.
def _replace_data(counts: csr_array, data: NDArray[np.float32]) -> csr_array:
    return csr_array((data, counts.indices, counts.indptr), shape=counts.shape)


def _sum_rows(counts: csr_array, data: NDArray[np.float32]) -> NDArray[np.float64]:
    owner = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    return np.bincount(owner, data, minlength=counts.shape[0]).astype(np.float64)
