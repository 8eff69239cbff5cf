"""Plan what each question is asked for, and which texts of the FAQ it may see.

A test question sees everything but test duplicates. A training question sees the training originals and, but for
itself, their duplicates, as a question about a known original does. Its second, cold copy does not see the other
duplicates of its own original, as a question about an original that has none yet. A tuning question has both copies,
too; it sees training and tuning originals and their duplicates, and no test original.

Of the other originals, as many lose their duplicates as have none in the index that is asked in the end. Otherwise
"has no duplicates" would tell the right one of a cold copy, and be no choice at all in a warm one.

Questions whose original is not there tell what no match looks like: each duplicate once more without its original, and
questions that no link leads to.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.params import RetrievalParams
from triptych.faq.retrieval.index import FaqIndex

LEARNED = ("train", "tune")
TESTED = ("test_known", "test_unseen")
ABSENT, ABSENT_TEST = "absent", "absent_test"
# So many draws of the originals that lose their duplicates; a draw takes memory.
_DRAWS = 8
Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class QueryPlan:
    """A question to featurize, and what it may see.

    Attributes:
        question_id: The question.
        original_id: Its right original, -1 if unknown.
        allowed: Documents it may be matched with, shape (documents,), shared by many plans; None allows all.
        hidden: Documents that this question may not be matched with all the same.
        count: Candidates to retrieve.
        add_original: Add the right original where retrieval missed it (training only).
        is_learned: Its own words are counted among those that are known.
    """

    question_id: int
    original_id: int = -1
    allowed: NDArray[np.bool_] | None = None
    hidden: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    count: int = 200
    add_original: bool = False
    is_learned: bool = False

    def list_allowed(self, documents: int) -> NDArray[np.bool_] | None:
        """Mark the documents it may be matched with, shape (documents,); None allows all."""
        if not len(self.hidden):
            return self.allowed
        allowed = np.full(documents, True) if self.allowed is None else self.allowed.copy()
        allowed[self.hidden] = False
        return allowed


RolePlan = tuple[str, QueryPlan]
"""The role of a question in the table of features, and its plan."""


def plan_queries(
    index: FaqIndex,
    roles: pd.DataFrame,
    unlinked: tuple[Ids, Ids],
    params: RetrievalParams,
    taught: Collection[int] = (),
) -> list[RolePlan]:
    """Plan every question of a fold.

    Args:
        index: Every original with its training and tuning duplicates.
        roles: Columns `question_id`, `original_id`, `role` of the fold.
        unlinked: Questions without any link that may be learned from, and all of them.
        params: Retrieval limits.
        taught: Questions that an encoder was trained on: they are texts of the FAQ, but not asked.
    """
    for_train, for_tune = _mark_allowed(index, roles)
    trained, tuned = _draw_training(roles[~roles["question_id"].isin(taught)], params), _select_pairs(roles, "tune")
    plans = _plan_copies(index, trained, for_train, params.train_candidates, params, add_original=True)
    plans += _plan_copies(index, tuned, for_tune, params.candidates, params)
    tested = {role: _select_pairs(roles, role) for role in TESTED}
    for role, pairs in tested.items():
        plans += [(role, QueryPlan(*pair, count=params.candidates)) for pair in _list_rows(pairs)]
    absent = [
        *_plan_absent(index, ABSENT, trained, for_train, params.train_candidates),
        *_plan_absent(index, ABSENT, tuned, for_tune, params.candidates),
    ]
    absent_test = _plan_absent(index, ABSENT_TEST, pd.concat(tested.values()), None, params.candidates)
    rng = np.random.default_rng(params.seed)
    early, late = _halve(*unlinked, rng)
    others = [(ABSENT, QueryPlan(q, allowed=for_tune, count=params.candidates)) for q in early.tolist()]
    others_test = [(ABSENT_TEST, QueryPlan(q, count=params.candidates)) for q in late.tolist()]
    return plans + [
        kept
        for drawn in (absent, others, absent_test, others_test)
        for kept in _draw(drawn, params.absent_queries // 2, rng)
    ]


def _plan_copies(
    index: FaqIndex,
    pairs: pd.DataFrame,
    allowed: Mask,
    count: int,
    params: RetrievalParams,
    *,
    add_original: bool = False,
) -> list[RolePlan]:
    """Plan the warm and the cold copy of training questions (with `add_original`) or tuning questions."""
    role = "train" if add_original else "tune"
    stripped = _strip_some(index, allowed, params.seed)
    plans = []
    for number, (question, original) in enumerate(_list_rows(pairs)):
        draw = number % len(stripped)
        copies = _list_hidden(index, question, original)
        # The warm copy's own original keeps its duplicates.
        draws = (*stripped[draw:], *stripped[:draw], allowed)
        seen = next(mask for mask in draws if np.array_equal(mask[copies[-1]], allowed[copies[-1]]))
        plans += [(role, QueryPlan(question, original, seen, hidden, count, add_original)) for hidden in copies]
    return plans


def _strip_some(index: FaqIndex, allowed: Mask, seed: int) -> list[Mask]:
    """Take the duplicates of some originals from what is allowed, in several draws.

    They are as many as have no duplicate in the index.
    """
    entry = np.repeat(np.arange(len(index.entries)), np.diff(index.starts))
    duplicate = np.full(len(entry), True)
    duplicate[index.starts[:-1]] = False
    rng, share = np.random.default_rng(seed), float(np.mean(np.diff(index.starts) == 1))
    return [allowed & ~(duplicate & (rng.random(len(index.entries)) < share)[entry]) for _ in range(_DRAWS)]


def _plan_absent(index: FaqIndex, role: str, pairs: pd.DataFrame, allowed: Mask | None, count: int) -> list[RolePlan]:
    """Plan questions with their whole entry hidden."""
    plans = []
    for question, original in _list_rows(pairs):
        number = int(np.searchsorted(index.entries, original))
        hidden = np.arange(index.starts[number], index.starts[number + 1])
        plans.append((role, QueryPlan(question, original, allowed, hidden, count)))
    return plans


def _halve(early: Ids, every: Ids, rng: np.random.Generator) -> tuple[Ids, Ids]:
    """Divide questions into those to learn from, half of the early ones, and the others."""
    learned = np.sort(rng.permutation(early)[: len(early) // 2])
    return learned, np.setdiff1d(every, learned)


def _draw(plans: list[RolePlan], most: int, rng: np.random.Generator) -> list[RolePlan]:
    if len(plans) <= most:
        return plans
    return [plans[i] for i in np.sort(rng.permutation(len(plans))[:most]).tolist()]


def _mark_allowed(index: FaqIndex, roles: pd.DataFrame) -> tuple[Mask, Mask]:
    """Mark the documents that training, and tuning questions may be matched with, shapes (documents,)."""
    role_of = roles.set_index("question_id")["role"]
    document_role = role_of.reindex(index.documents).fillna("original").to_numpy(dtype=str)
    entry = np.repeat(index.entries, np.diff(index.starts))
    trained = np.isin(entry, roles.loc[roles["role"] == "train", "original_id"])
    tested = np.isin(entry, roles.loc[roles["role"] == "test_unseen", "original_id"])
    for_train = trained & np.isin(document_role, ["original", "train"])
    return for_train, ~tested & np.isin(document_role, ["original", "train", "tune"])


def _draw_training(roles: pd.DataFrame, params: RetrievalParams) -> pd.DataFrame:
    train = _select_pairs(roles, "train")
    if len(train) <= params.max_train_queries:
        return train
    return train.sample(params.max_train_queries, random_state=params.seed).sort_index()


def _select_pairs(roles: pd.DataFrame, role: str) -> pd.DataFrame:
    return roles.loc[roles["role"] == role, ["question_id", "original_id"]]


def _list_hidden(index: FaqIndex, question: int, original: int) -> list[Ids]:
    """List what a question's copies may not see: itself (warm), and all duplicates of its original (cold).

    The only duplicate of its original has one copy: both would be the same, and count double.
    """
    number = int(np.searchsorted(index.entries, original))
    # The entry's first document is the original itself.
    duplicates = np.arange(index.starts[number] + 1, index.starts[number + 1])
    own = duplicates[index.documents[duplicates] == question]
    return [own, duplicates] if len(own) < len(duplicates) else [own]


def _list_rows(pairs: pd.DataFrame) -> list[tuple[int, int]]:
    return list(pairs[["question_id", "original_id"]].itertuples(index=False, name=None))
