"""A question as the weighted terms of every view."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.encoding.encoder import Vectors
from triptych.faq.retrieval.texts import ASKED_FIELDS, FIELDS, Texts
from triptych.faq.retrieval.views import VIEWS, Weighting
from triptych.faq.retrieval.vocabulary import Vocabulary


@dataclass(frozen=True)
class Query:
    """The weighted terms of one question: for each view, term numbers and weights.

    Attributes:
        terms: By view.
        unknown: Share of its words that no text has, in [0, 1].
        unknown_else: The same, where the question itself is one of the texts: that no other has.
        vectors: Of its title and of its whole text, shape (2, dimensions); None without an encoder.
    """

    terms: tuple[tuple[NDArray[np.int32], NDArray[np.float32]], ...]
    unknown: float = 0.0
    unknown_else: float = 0.0
    vectors: Vectors | None = None


def make_queries(questions: pd.DataFrame, vocabulary: Vocabulary, weightings: dict[str, Weighting]) -> Iterator[Query]:
    """Weigh the terms of new questions (columns `title`, `text`, `code`) in every view."""
    texts = vocabulary.read(questions)
    counts, unknown = vocabulary.count(texts), share_unknown(texts, vocabulary, weightings["all"])
    sides = {
        side: weightings[side[0]].weigh_query(side[1], counts[side[2]])
        for side in {(view.document, view.measure, view.query) for view in VIEWS}
    }
    ordered = [sides[view.document, view.measure, view.query] for view in VIEWS]
    for i in range(len(questions)):
        slices = [slice(side.indptr[i], side.indptr[i + 1]) for side in ordered]
        terms = tuple((s.indices[w], s.data[w]) for s, w in zip(ordered, slices, strict=True))
        yield Query(terms, *unknown[i].tolist())


def share_unknown(texts: Texts, vocabulary: Vocabulary, weighting: Weighting) -> NDArray[np.float64]:
    """Give the shares of each text's words that no text has that was learned from, and that at most one has.

    Args:
        texts: Those to look at, read with the vocabulary.
        vocabulary: What is known.
        weighting: Of all words.

    Returns:
        Shape (texts, 2), in [0, 1]; 1 without any word. Those of tags and answer, which new questions do not have, do
        not count.
    """
    unknown = texts.words >= vocabulary.known
    single = unknown.copy()
    # Of the words that are there only: the vocabulary has half a million, and a question some dozens.
    single[~unknown] = _mark_single(weighting, texts.words[~unknown])
    starts, ends = texts.word_ends[: -1 : len(FIELDS)], texts.word_ends[ASKED_FIELDS :: len(FIELDS)]
    before = np.concatenate([[[0, 0]], np.cumsum([unknown, single], axis=1).T])
    found, count = before[ends] - before[starts], (ends - starts)[:, None]
    return np.asarray(np.where(count > 0, found / np.maximum(count, 1), 1.0), dtype=np.float64)


def _mark_single(weighting: Weighting, terms: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Mark those of some terms that at most one text holds, shape (terms,).

    The two idfs are ln((N + 1) / (n + 1)) + 1 and ln((N + 1) / (n + 0.5)), so their difference tells n.
    """
    ratio = np.exp(weighting.bm25_idf[terms].astype(np.float64) - weighting.idf[terms] + 1)
    return np.asarray(ratio > (4 / 3 + 6 / 5) / 2)  # 4/3 for one text, 6/5 for two
