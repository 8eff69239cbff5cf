"""A question as the weighted terms of every view."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.retrieval.views import VIEWS, Weighting
from triptych.faq.retrieval.vocabulary import Vocabulary


@dataclass(frozen=True)
class Query:
    """The weighted terms of one question: for each view, term numbers and weights."""

    terms: tuple[tuple[NDArray[np.int32], NDArray[np.float32]], ...]


def make_queries(questions: pd.DataFrame, vocabulary: Vocabulary, weightings: dict[str, Weighting]) -> Iterator[Query]:
    """Weigh the terms of new questions (columns `title`, `text`, `code`) in every view."""
    counts = vocabulary.count(vocabulary.read(questions))
    sides = {
        side: weightings[side[0]].weigh_query(side[1], counts[side[2]])
        for side in {(view.document, view.measure, view.query) for view in VIEWS}
    }
    ordered = [sides[view.document, view.measure, view.query] for view in VIEWS]
    for i in range(len(questions)):
        slices = [slice(side.indptr[i], side.indptr[i + 1]) for side in ordered]
        yield Query(tuple((s.indices[w], s.data[w]) for s, w in zip(ordered, slices, strict=True)))
