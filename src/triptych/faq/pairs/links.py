"""From duplicate links to pairs: each link followed to the question that finally stands for all, pairs filtered."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from triptych.faq.params import FilterParams


def resolve_originals(links: pd.DataFrame, available: Collection[int]) -> pd.DataFrame:
    """Point every duplicate at the last available question of its chain.

    A duplicate of a duplicate belongs to the chain's last question; where a question has several originals,
    the earliest link counts (then the smallest original). In a cycle the smallest Id, the oldest question,
    stands for all. A chain whose end is missing ends at the last question that is there.

    Args:
        links: Columns `duplicate_id`, `original_id`, `created`.
        available: Ids of the questions there are.

    Returns:
        Columns `question_id`, `original_id`: one row a duplicate, both available and different,
        sorted by `question_id`.
    """
    others = links[links["duplicate_id"] != links["original_id"]]
    order = others.sort_values(["created", "original_id"], na_position="last", kind="stable")
    first = order.drop_duplicates("duplicate_id").set_index("duplicate_id")["original_id"]
    target: dict[int, int] = dict(zip(first.index.tolist(), first.tolist(), strict=True))
    known = set(available)
    pairs = [(question, _last_available(question, target, known)) for question in sorted(target)]
    rows = [(q, original) for q, original in pairs if q in known and original not in (None, q)]
    return pd.DataFrame(rows, columns=["question_id", "original_id"], dtype="int64")


def _last_available(question: int, target: dict[int, int], known: set[int]) -> int | None:
    path = [question]
    seen = {question}
    while (following := target.get(path[-1])) is not None:
        if following in seen:
            # Everything from its first appearance on is a cycle: its oldest available question stands for it.
            cycle = [q for q in path[path.index(following) :] if q in known]
            if cycle:
                return min(cycle)
            break
        path.append(following)
        seen.add(following)
    return next((q for q in reversed(path) if q in known), None)


def filter_pairs(
    questions: pd.DataFrame, links: pd.DataFrame, params: FilterParams
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Resolve links to pairs, and drop those whose texts or originals do not qualify.

    Returns:
        Columns `question_id`, `original_id`; and how many pairs each rule dropped.
    """
    pairs = resolve_originals(links, set(questions["question_id"].tolist()))
    counts = {"links": len(links), "pairs_resolved": len(pairs)}
    length = (questions["title"].str.len() + questions["text"].str.len()).to_numpy()
    long_enough = questions.loc[length >= max(params.min_text_chars, 1), "question_id"]
    pairs = pairs[pairs["question_id"].isin(long_enough) & pairs["original_id"].isin(long_enough)]
    counts["pairs_long_enough"] = len(pairs)
    if params.require_accepted_answer:
        accepted = questions.loc[questions["accepted_answer_id"] >= 0, "question_id"]
        pairs = pairs[pairs["original_id"].isin(accepted)]
    counts["pairs_with_required_answer"] = len(pairs)
    duplicates = pairs.groupby("original_id")["question_id"].transform("size")
    pairs = pairs[duplicates >= params.min_duplicates].reset_index(drop=True)
    return pairs, counts | {"pairs": len(pairs), "originals": int(pairs["original_id"].nunique())}


def describe_data(
    questions: pd.DataFrame, pairs: pd.DataFrame, answers: pd.DataFrame, counts: dict[str, int]
) -> dict[str, Any]:
    """Sum up what cleaning and filtering left."""
    per_original = pairs.groupby("original_id").size()
    return {
        **counts,
        "questions": len(questions),
        "background_questions": len(questions) - len(np.union1d(pairs["question_id"], pairs["original_id"])),
        "answers": len(answers),
        "originals_without_answer": int((~per_original.index.isin(answers["question_id"])).sum()),
        "duplicates_per_original": {
            "median": float(per_original.median()) if len(per_original) else 0.0,
            "max": int(per_original.max()) if len(per_original) else 0,
        },
    }
