"""Divide duplicates into training, tuning and two test sets, without leaks.

Roles of a duplicate within a fold:

* `train`: trained on, and known to the index.
* `tune`: its original is not trained on; stops the training early. Known to the index of the test sets.
* `test_known`: a new duplicate of an original that has others in training.
* `test_unseen`: its original is never trained on.
* `excluded`: nearly the same text as a training question, so neither.
"""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from triptych.faq.pairs.near_identical import connect, group_near_identical
from triptych.faq.params import SplitParams
from triptych.faq.text.tokens import word_tokens

IntArray = NDArray[np.int64]


def split_pairs(questions: pd.DataFrame, pairs: pd.DataFrame, params: SplitParams, folds: int) -> pd.DataFrame:
    """Give every duplicate a role in every fold.

    Args:
        questions: Columns `question_id`, `title`, `text`, `code`, `created`.
        pairs: Columns `question_id`, `original_id`.
        params: Method and shares.
        folds: 1, or the number of folds that cross-fit over originals.

    Returns:
        Columns `fold`, `question_id`, `original_id`, `role`, `group` (a number for originals that must not straddle a
        split); one row a duplicate and fold.

    Raises:
        ValueError: If the method needs dates that are missing, or a set that is needed comes out empty.
    """
    if params.method == "time" and folds > 1:
        raise ValueError("faq.split.method=time has one split: set faq.evaluation.folds=1, or method=random")
    pairs = pairs.sort_values("question_id", kind="stable").reset_index(drop=True)
    text_group = _group_texts(questions, pairs, params.near_identical_jaccard)
    original_group = _group_originals(pairs, text_group)
    if params.method == "time":
        roles = [_split_by_time(questions, pairs, text_group, original_group, params)]
    else:
        roles = _split_at_random(pairs, text_group, original_group, params, folds)
    tables = [pairs.assign(fold=fold, role=role, group=original_group) for fold, role in enumerate(roles)]
    table = pd.concat(tables, ignore_index=True)[["fold", "question_id", "original_id", "role", "group"]]
    _check_roles(table, folds)
    return table


def count_roles(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count the duplicates of each role in each fold."""
    counts = table.groupby(["fold", "role"]).size().unstack(fill_value=0)
    return {f"fold_{fold}": {str(k): int(v) for k, v in row.items()} for fold, row in counts.iterrows()}


def _group_texts(questions: pd.DataFrame, pairs: pd.DataFrame, threshold: float) -> dict[int, int]:
    """Map each duplicate and original to its group of near-identical texts."""
    ids = np.union1d(pairs["question_id"], pairs["original_id"])
    rows = questions.set_index("question_id").loc[ids, ["title", "text", "code"]]
    token_sets = [frozenset(word_tokens(" ".join(row))) for row in rows.itertuples(index=False)]
    return dict(zip(ids.tolist(), group_near_identical(token_sets, threshold).tolist(), strict=True))


def _group_originals(pairs: pd.DataFrame, text_group: dict[int, int]) -> IntArray:
    """Number the originals of each pair so that those with near-identical texts, or duplicates, go together."""
    texts, original = np.unique(pairs["original_id"], return_inverse=True)
    questions_group = np.array([text_group[q] for q in pairs["question_id"].tolist()])
    originals_group = np.array([text_group[q] for q in pairs["original_id"].tolist()])
    # A graph of originals (first) and text groups (after them).
    left = np.concatenate([original, original])
    right = len(texts) + np.concatenate([questions_group, originals_group])
    return connect(int(right.max()) + 1, left, right)[original]


def _split_at_random(
    pairs: pd.DataFrame, text_group: dict[int, int], original_group: IntArray, params: SplitParams, folds: int
) -> list[NDArray[np.str_]]:
    rng = np.random.default_rng(params.seed)
    group_fold = _draw_folds(original_group, rng, params.unseen_share, folds)
    known = _draw_known(pairs, text_group, rng, params.known_share)
    roles = []
    for fold in range(folds):
        # Each held-out duplicate is a query of one fold only, one in which its original is trained on; the other
        # folds have models of their own, which may learn from it.
        asked_here = group_fold == (fold - 1) % folds if folds > 1 else np.full(len(pairs), True)
        role = np.where(known & asked_here, "test_known", "train")
        role = np.where(group_fold == fold, "test_unseen", role)
        role = _drop_leaks(pairs, role, text_group, original_group)
        roles.append(_draw_tune(role, original_group, rng, params.tune_share))
    return roles


def _draw_folds(original_group: IntArray, rng: Generator, unseen_share: float, folds: int) -> IntArray:
    """Assign each group of originals to the fold that does not see it (-1: every fold sees it)."""
    groups = rng.permutation(np.unique(original_group))
    if folds > 1:
        fold_of = dict(zip(groups.tolist(), (np.arange(len(groups)) % folds).tolist(), strict=True))
    else:
        unseen = set(groups[: round(unseen_share * len(groups))].tolist())
        fold_of = {group: 0 if group in unseen else -1 for group in groups.tolist()}
    return np.array([fold_of[group] for group in original_group.tolist()], dtype=np.int64)


def _draw_known(pairs: pd.DataFrame, text_group: dict[int, int], rng: Generator, share: float) -> NDArray[np.bool_]:
    """Hold out duplicates, near-identical ones together, of originals that keep at least one."""
    group = np.array([text_group[q] for q in pairs["question_id"]])
    original = pairs["original_id"].to_numpy()
    left = Counter(original.tolist())
    held_out = np.full(len(pairs), False)
    wanted, held = round(share * len(pairs)), 0
    rows_of = pd.Series(group).groupby(group).indices
    for candidate in rng.permutation(np.unique(group)).tolist():
        rows = rows_of[candidate]
        taken = Counter(original[rows].tolist())
        if held + len(rows) > wanted or any(left[o] <= n for o, n in taken.items()):
            continue
        held_out[rows] = True
        held += len(rows)
        left.subtract(taken)
    return held_out


def _split_by_time(
    questions: pd.DataFrame,
    pairs: pd.DataFrame,
    text_group: dict[int, int],
    original_group: IntArray,
    params: SplitParams,
) -> NDArray[np.str_]:
    created = _list_dates(questions, pairs)
    late = (created >= _find_cut(created, params)).to_numpy()
    seen = pairs["original_id"].isin(pairs.loc[~late, "original_id"]).to_numpy()
    role = np.where(late, np.where(seen, "test_known", "test_unseen"), "train")
    role = _drop_leaks(pairs, role, text_group, original_group)
    return _draw_tune(role, original_group, np.random.default_rng(params.seed), params.tune_share)


def find_cut(questions: pd.DataFrame, pairs: pd.DataFrame, params: SplitParams) -> pd.Timestamp | None:
    """Find the time at which a split by time ends its training; None for another method."""
    return _find_cut(_list_dates(questions, pairs), params) if params.method == "time" else None


def _find_cut(created: pd.Series, params: SplitParams) -> pd.Timestamp:
    # pandas-stubs knows quantiles of numbers only.
    cut: Any = created.quantile(1 - params.time_share, interpolation="higher")
    return pd.Timestamp(cut)


def _list_dates(questions: pd.DataFrame, pairs: pd.DataFrame) -> pd.Series:
    created = questions.set_index("question_id")["created"].loc[pairs["question_id"]].reset_index(drop=True)
    if created.isna().any():
        raise ValueError(
            f"faq.split.method=time needs a creation date of every duplicate; {int(created.isna().sum())} have "
            "none: add them to the raw data, or set faq.split.method=random"
        )
    return created


def _drop_leaks(
    pairs: pd.DataFrame, role: NDArray[np.str_], text_group: dict[int, int], original_group: IntArray
) -> NDArray[np.str_]:
    """Exclude test duplicates that training has seen nearly word for word."""
    group = np.array([text_group[q] for q in pairs["question_id"]])
    trained = role == "train"
    leak = (role == "test_known") & np.isin(group, group[trained])
    leak |= (role == "test_unseen") & np.isin(original_group, original_group[trained])
    return np.where(leak, "excluded", role)


def _draw_tune(role: NDArray[np.str_], original_group: IntArray, rng: Generator, share: float) -> NDArray[np.str_]:
    """Move some groups of originals from training to tuning; those with known test questions stay."""
    needed = set(original_group[role == "test_known"].tolist())
    groups = [g for g in np.unique(original_group[role == "train"]).tolist() if g not in needed]
    count = min(round(share * len(np.unique(original_group))), max(len(groups) - 1, 0))
    drawn = rng.permutation(np.array(groups, dtype=np.int64))[:count]
    return np.where((role == "train") & np.isin(original_group, drawn), "tune", role)


def _check_roles(table: pd.DataFrame, folds: int) -> None:
    for fold in range(folds):
        roles = table.loc[table["fold"] == fold, "role"]
        tested = int(roles.isin(["test_known", "test_unseen"]).sum())
        trained = int((roles == "train").sum())
        if not trained or not tested:
            raise ValueError(
                f"fold {fold} of the split has {trained} training and {tested} test duplicates of {len(roles)}, and "
                "needs some of both: give more data, other shares in faq.split, or fewer faq.evaluation.folds"
            )
