"""What a matcher gives with a match: the originals' titles and answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def make_entries(questions: pd.DataFrame, pairs: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """List the originals with their answers.

    Returns:
        Columns `original_id` (ascending), `title`, `answer_id` (-1: none), `answer` (HTML, may be empty).
    """
    originals = np.unique(pairs["original_id"])
    answer = answers.set_index("question_id").reindex(originals)
    return pd.DataFrame(
        {
            "original_id": originals,
            "title": questions.set_index("question_id")["title"].loc[originals].to_numpy(),
            "answer_id": answer["answer_id"].fillna(-1).to_numpy(np.int64),
            "answer": answer["html"].fillna("").to_numpy(),
        }
    )


def extend_entries(entries: pd.DataFrame, additions: pd.DataFrame, order: NDArray[np.int64]) -> pd.DataFrame:
    """Put those of added originals behind entries.

    Args:
        entries: Those that a matcher was built with.
        additions: As `make_additions` gives them.
        order: Ids of all originals, in the index's order.
    """
    fresh = order[len(entries) :]
    if not len(fresh):
        return entries
    added = _list_originals(additions).set_index("original_id").loc[fresh]
    return pd.concat([entries, added.reset_index()], ignore_index=True)


def _list_originals(additions: pd.DataFrame) -> pd.DataFrame:
    """List the originals among additions as a matcher's entries."""
    rows = additions[additions["question_id"] == additions["original_id"]]
    return rows[["original_id", "title", "answer_id"]].assign(answer=rows["html"])
