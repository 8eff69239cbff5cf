"""Follow duplicate links to the question that finally stands for all of them."""

from collections.abc import Collection

import pandas as pd


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
