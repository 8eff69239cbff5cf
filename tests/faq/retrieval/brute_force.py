"""The similarities of every view from plain text, with dictionaries and loops: what the index is compared with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer

from triptych.faq.retrieval.views import VIEWS
from triptych.faq.text.tokens import word_pairs, word_tokens

FIELDS = ("title", "text", "code", "tags", "answer")
# How often each field counts.
FIELD_WEIGHTS = {
    "all": (1, 1, 1, 0, 0),
    "title": (1, 0, 0, 0, 0),
    "text": (0, 1, 0, 0, 0),
    "question": (1, 1, 0, 0, 0),
    "titled": (2, 1, 1, 0, 0),
    "code": (0, 0, 1, 0, 0),
    "tags": (0, 0, 0, 1, 0),
    "answer": (0, 0, 0, 0, 1),
}
_CHARS = ("title_chars", "lead_chars")
_GRAMS: Callable[[str], list[str]] = CountVectorizer(analyzer="char_wb", ngram_range=(3, 5)).build_analyzer()


def count_terms(questions: pd.DataFrame, kind: str) -> list[Counter[str]]:
    """Count the terms of a kind in every question."""
    rows = questions.reindex(columns=FIELDS, fill_value="")
    texts = {field: rows[field].tolist() for field in FIELDS}
    if kind == "title_chars":
        return [Counter(_GRAMS(title)) for title in texts["title"]]
    if kind == "lead_chars":
        return [Counter(_GRAMS(f"{a} {b[:200]}")) for a, b in zip(texts["title"], texts["text"], strict=True)]
    if kind == "word_pairs":
        return [Counter(word_pairs("\n".join(row[:3]))) for row in zip(*texts.values(), strict=True)]
    counts = []
    for row in zip(*texts.values(), strict=True):
        total: Counter[str] = Counter()
        for text, weight in zip(row, FIELD_WEIGHTS[kind], strict=True):
            for word in word_tokens(text):
                total[word] += weight
        counts.append(+total)
    return counts


class BruteForce:
    """Every view's similarity between questions and documents; all terms are known."""

    def __init__(self, corpus: pd.DataFrame, documents: pd.DataFrame) -> None:
        self._corpus, self._documents = corpus, documents

    def compare(self, questions: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
        """Give the similarities of shape (questions, documents) by view."""
        return {view.name: self._compare(questions, view.query, view.document, view.measure) for view in VIEWS}

    def _compare(self, questions: pd.DataFrame, asked: str, kind: str, measure: str) -> NDArray[np.float64]:
        statistics = self._statistics["all" if kind in ("tags", "answer") else kind]
        documents = [statistics.weigh(measure, terms) for terms in count_terms(self._documents, kind)]
        queries = [statistics.ask(measure, terms) for terms in count_terms(questions, asked)]
        return np.array([[sum(w * d.get(t, 0.0) for t, w in q.items()) for d in documents] for q in queries])

    @cached_property
    def _statistics(self) -> dict[str, _Statistics]:
        counts = {kind: count_terms(self._corpus, kind) for kind in (*FIELD_WEIGHTS, "word_pairs", *_CHARS)}
        # A word that any field has is known in all of them.
        groups = ((*FIELD_WEIGHTS,), ("word_pairs",), _CHARS)
        known = [{term for kind in group for terms in counts[kind] for term in terms} for group in groups]
        return {
            kind: _Statistics(counts[kind], terms) for group, terms in zip(groups, known, strict=True) for kind in group
        }


class _Statistics:
    def __init__(self, documents: list[Counter[str]], known: set[str]) -> None:
        self._size, self._known = len(documents), known
        self._held = Counter(term for terms in documents for term in terms)
        self._mean = sum(terms.total() for terms in documents) / len(documents)
        self._documents = documents

    def weigh(self, measure: str, terms: Counter[str]) -> dict[str, float]:
        """Weigh a document."""
        if measure == "tfidf":
            return self._scale(terms)
        if measure == "distinct":
            scaled = self._scale(terms)
            # Its mean similarity to the corpus, in means of the corpus.
            root = math.sqrt(0.5 + self._compare_all(scaled) / self._usual)
            return {term: weight / root for term, weight in scaled.items()}
        if measure == "bm25":
            room = 1.2 * (1 - 0.75 + 0.75 * terms.total() / self._mean)
            return {term: self._idf(term) * 2.2 * n / (n + room) for term, n in terms.items()}
        return dict.fromkeys(terms, 1.0) if measure == "query_share" else self._share(terms)

    def ask(self, measure: str, terms: Counter[str]) -> dict[str, float]:
        """Weigh a question; a term that is nowhere in the corpus counts for nothing."""
        terms = Counter({term: n for term, n in terms.items() if term in self._known})
        if measure in ("tfidf", "distinct"):
            return self._scale(terms)
        if measure == "bm25":
            return {term: 9 * n / (8 + n) for term, n in terms.items()}
        return dict.fromkeys(terms, 1.0) if measure == "document_share" else self._share(terms)

    def _scale(self, terms: Counter[str]) -> dict[str, float]:
        weights = {
            term: (1 + math.log(n)) * (math.log((1 + self._size) / (1 + self._held[term])) + 1)
            for term, n in terms.items()
        }
        norm = math.sqrt(sum(weight * weight for weight in weights.values()))
        return {term: weight / norm for term, weight in weights.items()}

    @cached_property
    def _scaled(self) -> list[dict[str, float]]:
        return [self._scale(terms) for terms in self._documents]

    @cached_property
    def _usual(self) -> float:
        return sum(self._compare_all(scaled) for scaled in self._scaled) / len(self._scaled)

    def _compare_all(self, scaled: dict[str, float]) -> float:
        return sum(sum(w * other.get(t, 0.0) for t, w in scaled.items()) for other in self._scaled) / len(self._scaled)

    def _idf(self, term: str) -> float:
        return math.log(1 + (self._size - self._held[term] + 0.5) / (self._held[term] + 0.5))

    def _share(self, terms: Counter[str]) -> dict[str, float]:
        mass = sum(self._idf(term) for term in terms)
        return {term: self._idf(term) / mass for term in terms}
