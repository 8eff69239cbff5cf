"""Add documents to an index: vocabulary and weights stay as they are, so that nothing old is touched.

What is added becomes a segment of its own. Small segments are put together (a log-structured merge, after O'Neil and
others, "The log-structured merge-tree", 1996): there are as many as the logarithm of what was added.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from triptych.faq.retrieval.index import FaqIndex
from triptych.faq.retrieval.segment import Segment, arrange_vectors, count_holding, join_segments

# An added segment less than so many times as long as the one behind it is joined with it.
_RATIO = 2


def add_documents(index: FaqIndex, questions: pd.DataFrame, members: pd.DataFrame) -> FaqIndex:
    """Give an index with further documents; the given one stays as it is, and both share what they have in common.

    Words that the vocabulary does not have are not found, and how rare a word is, is not counted anew. Otherwise it is
    the same as an index of all documents.

    Args:
        index: The FAQ.
        questions: Columns `question_id`, `title`, `text`, `code`, and `tags` and `answer` where there are any.
        members: Columns `original_id`, `question_id`: the new documents, none of which the index has. An original that
            is not in the index is its own member.
    """
    # Looked up among the few that are added: sorting a million takes seconds.
    known = index.entries[pd.Series(index.entries).isin(members["original_id"])]
    new = np.setdiff1d(members["original_id"], known)
    entries = np.concatenate([index.entries, new])
    owner = pd.Index(entries).get_indexer(members["original_id"])
    order = members.assign(owner=owner, is_duplicate=members["original_id"] != members["question_id"])
    order = order.sort_values(["owner", "is_duplicate", "question_id"], kind="stable")
    owners, starts = np.unique(order["owner"].to_numpy(np.int64), return_index=True)
    documents = order["question_id"].to_numpy(np.int64)
    rows = pd.Index(questions["question_id"]).get_indexer(documents)
    segment = _build_segment(index, questions.iloc[rows])
    return replace(
        index,
        entries=entries,
        documents=np.concatenate([index.documents, documents]),
        starts=np.concatenate([index.starts[:-1], index.starts[-1] + np.append(starts, len(documents))]),
        owners=np.concatenate([index.owners, owners]),
        segments=_join_small([*index.segments, segment]),
    )


def _build_segment(index: FaqIndex, questions: pd.DataFrame) -> Segment:
    texts, vocabulary = index.vocabulary.read(questions), index.vocabulary
    held = count_holding(texts, vocabulary)
    segment = Segment.build(texts, vocabulary, index.weightings, held, index.passed_over)
    return replace(segment, vectors=arrange_vectors(index.encode(questions)))


def _join_small(segments: list[Segment]) -> list[Segment]:
    """Join the last segments until each is longer than those behind it; the first one is never touched."""
    first, *added = segments
    while len(added) > 1 and len(added[-2]) < _RATIO * len(added[-1]):
        added[-2:] = [join_segments(added[-2:])]
    return [first, *added]
