"""Count the words of questions, and weigh the counts in several views.

A view compares one kind of counts of a question with one kind of a document: fields (title, text, code) summed
with weights, word pairs, or character n-grams. Measures:

* `tfidf`: cosine of (1 + log tf) idf.
* `bm25`: Okapi's (Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009), with
  k1 = 1.2, b = 0.75, k3 = 8.
* `document_share`, `query_share`: how much of the document's, or of the question's, idf mass is shared.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from triptych.faq.retrieval.counts import WordNumbers, count_pairs, count_words
from triptych.faq.text.tokens import word_pairs, word_tokens

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import CountVectorizer

K1, B, K3 = 1.2, 0.75, 8.0
LEAD_CHARS = 200
FIELD_WEIGHTS = {
    "all": (1, 1, 1, 0, 0),
    "title": (1, 0, 0, 0, 0),
    "text": (0, 1, 0, 0, 0),
    "question": (1, 1, 0, 0, 0),
    "headed": (3, 1, 0, 0, 0),
    "code": (0, 0, 1, 0, 0),
    "tags": (0, 0, 0, 1, 0),
    "answer": (0, 0, 0, 0, 1),
}


Measure = Literal["tfidf", "bm25", "document_share", "query_share"]


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
    View("headed", "headed", "headed"),
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
    """

    idf: NDArray[np.float32]
    bm25_idf: NDArray[np.float32]
    mean_length: float

    @classmethod
    def fit(cls, counts: csr_array) -> Weighting:
        """Count in how many documents each term occurs."""
        documents = counts.shape[0]
        frequency = np.bincount(counts.indices, minlength=counts.shape[1])
        idf = np.log((1 + documents) / (1 + frequency)) + 1
        bm25_idf = np.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))
        mean_length = float(counts.sum()) / max(documents, 1)
        return cls(idf.astype(np.float32), bm25_idf.astype(np.float32), max(mean_length, 1e-9))

    def weigh_tfidf(self, counts: csr_array) -> csr_array:
        """Weigh counts by (1 + log tf) idf and scale each row to unit length."""
        weights = (1 + np.log(counts.data.astype(np.float32))) * self.idf[counts.indices]
        return _scale_rows(counts, weights, np.sqrt(_sum_rows(counts, weights * weights)))

    def weigh_bm25(self, counts: csr_array) -> csr_array:
        """Weigh document counts by BM25's saturated term frequency and idf."""
        frequency = counts.data.astype(np.float32)
        saturation = K1 * (1 - B + B * _sum_rows(counts, frequency) / self.mean_length)
        frequency /= frequency + np.repeat(saturation.astype(np.float32), np.diff(counts.indptr))
        return _replace_data(counts, (K1 + 1) * frequency * self.bm25_idf[counts.indices])

    def weigh_document(self, measure: Measure, counts: csr_array) -> csr_array:
        """Weigh the documents' side of a measure."""
        if measure == "tfidf":
            return self.weigh_tfidf(counts)
        if measure == "bm25":
            return self.weigh_bm25(counts)
        return _mark_presence(counts) if measure == "query_share" else self._weigh_share(counts)

    def weigh_query(self, measure: Measure, counts: csr_array) -> csr_array:
        """Weigh the question's side of a measure; the dot product of both sides is the similarity."""
        if measure == "tfidf":
            return self.weigh_tfidf(counts)
        if measure == "bm25":
            frequency = counts.data.astype(np.float32)
            return _replace_data(counts, (K3 + 1) * frequency / (K3 + frequency))
        return _mark_presence(counts) if measure == "document_share" else self._weigh_share(counts)

    def _weigh_share(self, counts: csr_array) -> csr_array:
        """Weigh the terms that occur by idf, and scale each row to sum to 1."""
        weights = self.bm25_idf[counts.indices]
        return _scale_rows(counts, weights, _sum_rows(counts, weights))


# Plain array arithmetic: scipy's operators would cost a single question more than all else, and copy the
# term numbers, which the views of one kind of counts share.
def _replace_data(counts: csr_array, data: NDArray[np.float32]) -> csr_array:
    return csr_array((data, counts.indices, counts.indptr), shape=counts.shape)


def _mark_presence(counts: csr_array) -> csr_array:
    return _replace_data(counts, np.ones(len(counts.data), dtype=np.float32))


def _sum_rows(counts: csr_array, data: NDArray[np.float32]) -> NDArray[np.float64]:
    owner = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    return np.bincount(owner, data, minlength=counts.shape[0]).astype(np.float64)


def _scale_rows(counts: csr_array, data: NDArray[np.float32], divisors: NDArray[np.float64]) -> csr_array:
    factors = (1 / np.maximum(divisors, 1e-9)).astype(np.float32)
    return _replace_data(counts, data * np.repeat(factors, np.diff(counts.indptr)))


class FieldCounts:
    """Vocabularies of words, word pairs and character n-grams, and the counts of a table of questions."""

    def __init__(self, counters: dict[str, CountVectorizer]) -> None:
        self._counters = counters

    @classmethod
    def fit_count(cls, questions: pd.DataFrame, max_terms: int) -> tuple[FieldCounts, dict[str, csr_array]]:
        """Learn the vocabularies from columns `title`, `text`, `code`, and count the same questions.

        Columns `tags` and `answer` may be missing; their words belong to no text, so no pair crosses into them.
        """
        size, n_fields = len(questions), len(_FIELDS)
        fields = zip(*(_read_field(questions, field) for field in _FIELDS), strict=True)
        corpus = WordNumbers.read(word_tokens(text) for row in fields for text in row)
        number, row = np.arange(size * n_fields) % n_fields, np.arange(size * n_fields) // n_fields
        words = count_words(corpus, number * size + row, max_terms)
        asked = number[corpus.owner] < _ASKED_FIELDS
        prose = WordNumbers(corpus.words, corpus.flat[asked], corpus.owner[asked])
        pairs = count_pairs(prose, row, max_terms)
        chars = _make_counter("chars", max_features=max_terms)
        counts = {
            "words": words.counts,
            "word_pairs": pairs.counts,
            "chars": chars.fit_transform(_stack_chars(questions)),
        }
        restored = cls.from_terms({"words": words.terms, "word_pairs": pairs.terms})
        return cls({**restored._counters, "chars": chars}), _split_counts(counts, size)

    @classmethod
    def from_terms(cls, terms: dict[str, list[str]]) -> FieldCounts:
        """Restore what `terms` gave."""
        counters = {}
        for kind, names in terms.items():
            counters[kind] = _make_counter(kind)
            # As fit sets it: a vocabulary given to the constructor would be copied and checked at each call.
            counters[kind].vocabulary_ = {name: number for number, name in enumerate(names)}
        return cls(counters)

    @property
    def terms(self) -> dict[str, list[str]]:
        """The terms of each vocabulary, in the order of their numbers."""
        return {kind: counter.get_feature_names_out().tolist() for kind, counter in self._counters.items()}

    def count(self, questions: pd.DataFrame) -> dict[str, csr_array]:
        """Count terms by kind: the keys of FIELD_WEIGHTS, `word_pairs`, `title_chars` and `lead_chars`.

        Returns:
            Sparse counts of shape (questions, terms) a kind.
        """
        counts = {kind: counter.transform(_STACKS[kind](questions)) for kind, counter in self._counters.items()}
        return _split_counts(counts, len(questions))


def _make_counter(kind: str, **options: Any) -> CountVectorizer:
    # Imported here so that `kedro` starts without scikit-learn.
    from sklearn.feature_extraction.text import CountVectorizer

    if kind == "chars":
        return CountVectorizer(analyzer="char_wb", ngram_range=(3, 5), dtype=np.int32, **options)
    analyzer = word_tokens if kind == "words" else word_pairs
    return CountVectorizer(analyzer=analyzer, dtype=np.int32, **options)


def _stack_chars(questions: pd.DataFrame) -> list[str]:
    pairs = zip(questions["title"], questions["text"], strict=True)
    return [*questions["title"], *(f"{title} {text[:LEAD_CHARS]}" for title, text in pairs)]


# Fields are stacked one below the other, so that all are counted in one call.
_FIELDS = ("title", "text", "code", "tags", "answer")
_ASKED_FIELDS = 3
_STACKS: dict[str, Callable[[pd.DataFrame], list[str]]] = {
    "words": lambda q: [text for field in _FIELDS for text in _read_field(q, field)],
    "word_pairs": lambda q: ["\n".join(row) for row in zip(*(q[f] for f in _FIELDS[:_ASKED_FIELDS]), strict=True)],
    "chars": _stack_chars,
}


def _read_field(questions: pd.DataFrame, field: str) -> list[str]:
    """Read a column; new questions have no answer, and need no tags."""
    return questions[field].tolist() if field in questions else [""] * len(questions)


def _split_counts(stacked: dict[str, Any], size: int) -> dict[str, csr_array]:
    """Undo the stacking, and sum the fields of each kind."""
    words, chars = csr_array(stacked["words"]), csr_array(stacked["chars"])
    fields = [words[number * size : (number + 1) * size] for number in range(len(_FIELDS))]
    counts = {kind: _sum_fields(fields, weights) for kind, weights in FIELD_WEIGHTS.items()}
    return counts | {
        "word_pairs": csr_array(stacked["word_pairs"]),
        "title_chars": chars[:size],
        "lead_chars": chars[size:],
    }


def _sum_fields(fields: list[csr_array], weights: tuple[int, ...]) -> csr_array:
    parts = [field if weight == 1 else weight * field for weight, field in zip(weights, fields, strict=True) if weight]
    return csr_array(functools.reduce(operator.add, parts))
