"""Questions that are added to a matcher after it was built, and how far it has drifted from its vocabulary since."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from triptych.faq.retrieval.index import FaqIndex

TEXTS = ("title", "text", "code", "tags", "answer", "html")
COLUMNS = ("question_id", "original_id", *TEXTS, "answer_id")


@dataclass(frozen=True)
class Drift:
    """How much of an index was added, and how badly its vocabulary fits that.

    Attributes:
        added_share: Share of the documents that were added since it was built, in [0, 1].
        unknown_share: Share of their words that are no terms, beyond the share that was so when it was built (which
            `faq.retrieval.max_terms` says), in [0, 1].
    """

    added_share: float
    unknown_share: float

    @classmethod
    def measure(cls, index: FaqIndex) -> Drift:
        """Measure an index."""
        built, *added = (segment.texts.words for segment in index.segments)
        count = len(index.documents) - len(index.segments[0])
        unknown, words = (sum(part) for part in zip(*map(index.count_unknown, added), strict=True)) if added else (0, 0)
        was_unknown, all_words = index.count_unknown(built)
        excess = unknown / max(words, 1) - was_unknown / max(all_words, 1)
        return cls(count / max(len(index.documents), 1), max(excess, 0.0))


def no_additions() -> pd.DataFrame:
    """Give the table of additions of a matcher that has none."""
    kinds = {column: np.int64 if column.endswith("_id") else str for column in COLUMNS}
    return pd.DataFrame({column: pd.Series(dtype=kind) for column, kind in kinds.items()})


def make_additions(questions: pd.DataFrame, pairs: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Lay out what is added.

    Args:
        questions: Columns `question_id`, `title`, `text`, `code`, and `tags` where there are any.
        pairs: Columns `question_id`, `original_id` of those that are duplicates; the others are originals.
        answers: Columns `question_id`, `answer_id`, `html`, `text` of originals.

    Returns:
        COLUMNS: `original_id` is an original's own id; `answer` the clean text, `html` and `answer_id` (-1: none) what
        is given with a match.
    """
    ids = questions["question_id"]
    answer = answers.set_index("question_id").reindex(ids)
    number = pd.Series(answers["answer_id"].to_numpy(np.int64), answers["question_id"])
    table = questions.reindex(columns=["question_id", "title", "text", "code", "tags"], fill_value="").assign(
        original_id=pairs.set_index("question_id")["original_id"].reindex(ids, fill_value=-1).to_numpy(np.int64),
        answer=answer["text"].fillna("").to_numpy(),
        html=answer["html"].fillna("").to_numpy(),
        answer_id=number.reindex(ids, fill_value=-1).to_numpy(np.int64),
    )
    table["original_id"] = table["original_id"].where(table["original_id"] >= 0, table["question_id"])
    return table[list(COLUMNS)].reset_index(drop=True)


def check_additions(index: FaqIndex, additions: pd.DataFrame, pairs: pd.DataFrame, answers: pd.DataFrame) -> None:
    """Refuse what the index cannot take.

    Raises:
        ValueError: If a question is there already or comes twice, a pair or an answer belongs to no question that is
            added, or an original is none.
    """
    added, originals = additions["question_id"], additions["original_id"]
    _refuse(added[added.isin(index.documents) | added.duplicated()], "questions are in the FAQ already, or come twice")
    _refuse(pairs["question_id"][~pairs["question_id"].isin(added)], "pairs are of questions that are not added")
    own = added[added == originals]
    _refuse(answers["question_id"][~answers["question_id"].isin(own)], "answers are of no original that is added")
    known = originals.isin(index.entries) | originals.isin(own)
    _refuse(originals[~known], "originals are neither in the FAQ nor added")


def _refuse(ids: pd.Series, reason: str) -> None:
    if len(ids):
        raise ValueError(f"{len(ids)} {reason}: {ids.iloc[0]}")
