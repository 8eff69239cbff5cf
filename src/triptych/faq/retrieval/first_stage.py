"""Choose how much the views count in retrieval, on questions whose right original is known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.retrieval.index import FaqIndex, StageWeights
from triptych.faq.retrieval.query import Query

# What the title's similarity, and the original's own score, is multiplied by before it is added.
_TITLE_WEIGHTS = (0.25, 0.5, 1.0)
_OWN_WEIGHTS = (0.0, 0.5, 1.0, 2.0)
# The cosine of an encoder's vectors; 0 leaves it out.
_ENCODED_WEIGHTS = (0.0, 0.5, 1.0, 2.0, 4.0)
# So many questions tell the weights apart, and take seconds at 100,000 originals.
MOST_QUESTIONS = 500

Asked = tuple[Query, int, NDArray[np.bool_] | None]
"""A question, the number of its right entry, and the documents it may be matched with (None: all)."""


def choose_weights(index: FaqIndex, asked: Sequence[Asked]) -> StageWeights:
    """Choose the weights under which the right entries are retrieved earliest.

    What counts is the mean of 1 / log2(1 + rank) (the discounted gain of Järvelin and Kekäläinen, "Cumulated
    gain-based evaluation of IR techniques", 2002): unlike the share among the first k, it moves with every rank.

    Args:
        index: The FAQ; its own weights are not used.
        asked: Questions of training and tuning; none keeps equal weights.
    """
    encoded = _ENCODED_WEIGHTS if index.is_encoded else (0.0,)
    choices = [StageWeights(*weights) for weights in product(_TITLE_WEIGHTS, _OWN_WEIGHTS, encoded)]
    step = find_step(len(asked), MOST_QUESTIONS)
    gains = np.zeros(len(choices))
    for query, right, allowed in asked[::step]:
        scores = index.score_views(query)
        gains += [1 / np.log2(1 + _rank(index.join_scores(scores, allowed, own), right)) for own in choices]
    # The first of those that are as good: the smallest weights.
    return choices[int(np.argmax(gains))] if len(asked) else StageWeights()


def ask_duplicates(index: FaqIndex, questions: pd.DataFrame, pairs: pd.DataFrame) -> list[Asked]:
    """Ask about every known duplicate twice: hidden itself, and with all duplicates of its original hidden.

    Args:
        index: The FAQ, which holds all of them.
        questions: Columns `question_id`, `title`, `text`, `code`.
        pairs: Columns `question_id`, `original_id`; of many, some are asked about.
    """
    # No more than are looked at: of both in turn, every second one would be all of one kind.
    pairs = pairs.iloc[:: find_step(len(pairs), MOST_QUESTIONS // 2)]
    texts = questions.set_index("question_id").loc[pairs["question_id"], ["title", "text", "code"]]
    asked: list[Asked] = []
    for query, (question, original) in zip(
        index.make_queries(texts), pairs[["question_id", "original_id"]].itertuples(index=False), strict=True
    ):
        right = int(np.searchsorted(index.entries, original))
        warm = index.documents != question
        cold = np.full(len(index.documents), True)
        cold[index.starts[right] + 1 : index.starts[right + 1]] = False
        asked += [(query, right, warm), (query, right, cold)]
    return asked


def find_step(size: int, most: int) -> int:
    """Give the step that leaves no more than `most` of `size`."""
    return max(-(-size // most), 1)


def _rank(scores: NDArray[np.float32], right: int) -> int:
    """Count the entries that score at least as high as the right one."""
    return max(int((scores >= scores[right]).sum()), 1)
