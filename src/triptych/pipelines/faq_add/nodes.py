"""The node that adds questions to a matcher."""

import time
from typing import Any

import pandas as pd

from triptych.faq.matcher import FaqMatcher
from triptych.faq.params import AdditionParams, RetrievalParams
from triptych.faq.selection import select_additions


def add_questions(
    matcher: FaqMatcher, additions: pd.DataFrame, addition: AdditionParams, retrieval: RetrievalParams
) -> tuple[FaqMatcher, dict[str, Any], pd.DataFrame]:
    """Add new originals and duplicates, and rebuild the matcher where it has drifted too far from its words.

    Args:
        matcher: The FAQ.
        additions: Columns `question_id`, `title`, `body`, `original_id`, `tags`, `answer_id`, `answer`.
        addition: When to rebuild.
        retrieval: How to.

    Returns:
        The matcher that takes the other's place, a report, and what could not be added.
    """
    start = time.perf_counter()
    chosen = select_additions(matcher, additions, addition.text_format)
    grown = matcher.add(chosen.questions, chosen.pairs, chosen.answers, chosen.names)
    drift = grown.measure_drift()
    is_rebuilt = drift.added_share > addition.max_added_share or drift.unknown_share > addition.max_unknown_share
    if is_rebuilt:
        grown = grown.rebuild(retrieval)
    report = {
        "added_originals": len(chosen.questions) - len(chosen.pairs),
        "added_duplicates": len(chosen.pairs),
        "rejected": len(chosen.rejected),
        "questions": len(grown.index.documents),
        "revision": grown.revision.number,
        "added_share": drift.added_share,
        "unknown_share": drift.unknown_share,
        "is_rebuilt": is_rebuilt,
        "seconds": time.perf_counter() - start,
    }
    return grown, report, chosen.rejected
