"""Describe candidates of a question by how they compare with it: the rows the ranker learns from."""

from __future__ import annotations

import tempfile
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from triptych.faq.encoding.encoder import ENCODED, TextEncoder, Vectors
from triptych.faq.params import RetrievalParams
from triptych.faq.ranking.plans import LEARNED, QueryPlan, RolePlan, plan_queries
from triptych.faq.retrieval.first_stage import MOST_QUESTIONS, choose_weights, find_step
from triptych.faq.retrieval.index import FaqIndex, StageWeights
from triptych.faq.retrieval.query import Query
from triptych.faq.retrieval.views import ENTRY_VIEWS, VIEWS
from triptych.parallel import count_workers

SIMILARITIES = [
    *(f"original.{view.name}" for view in VIEWS),
    *(f"nearest.{view.name}" for view in VIEWS if view.name not in ENTRY_VIEWS),
]
# Behind those, where there is an encoder.
ENCODED_SIMILARITIES = [f"{text}.{name}" for text in ("original", "nearest") for name in ENCODED]
_FORMS = ("score", "of_best", "by_rank")
# The share of a question's unknown words. The ranker does not see it: it is the same for all candidates.
UNKNOWN_WORDS = "unknown_words"
# What is ranked by in the report without any training: one view each.
BASELINES = {
    "bm25": "nearest.all_bm25.score",
    "tfidf": "nearest.all.score",
    "bm25_original": "original.all_bm25.score",
    "tfidf_original": "original.all.score",
}
_CHUNK_QUERIES = 256
_FEW_QUERIES = 8192

# The candidates of a question: entry numbers of shape (candidates,), values of shape (candidates, described).
Candidates = tuple[NDArray[np.int64], NDArray[np.float32]]
# Questions, what each may see, and their vectors where there is an encoder.
_Chunk = tuple[pd.DataFrame, list[QueryPlan], Vectors | None]


def list_described(*, encoded: bool) -> list[str]:
    """Name the values of a candidate: the features, and the share of unknown words.

    Args:
        encoded: With those of an encoder.
    """
    names = [*SIMILARITIES, *(ENCODED_SIMILARITIES if encoded else ())]
    return [*(f"{name}.{form}" for form in _FORMS for name in names), UNKNOWN_WORDS]


DESCRIBED = list_described(encoded=False)
FEATURES = DESCRIBED[:-1]
_ENCODED_DESCRIBED = list_described(encoded=True)


def find_described(columns: Iterable[Hashable]) -> list[str]:
    """Name the values of candidates that a table has, in their order: with those of an encoder or without."""
    return _ENCODED_DESCRIBED if f"{ENCODED_SIMILARITIES[0]}.score" in set(columns) else DESCRIBED


def find_features(columns: Iterable[Hashable]) -> list[str]:
    """Name the features of candidates that a table has, in their order: with those of an encoder or without."""
    return find_described(columns)[:-1]


def find_similarities(columns: Iterable[Hashable]) -> list[str]:
    """Name the similarities that a table has, in their order: with those of an encoder or without."""
    features = find_features(columns)
    return [name.removesuffix(".score") for name in features[: len(features) // len(_FORMS)]]


def describe_candidates(similarities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add to each similarity its share of the best candidate's, and 1 / log2(1 + its rank).

    Args:
        similarities: Shape (candidates, similarities), at least 0.

    Returns:
        Shape (candidates, 3 x similarities), in the order of the features. Ties share the worse rank. Every
        feature grows with the similarity, so that the ranker can be held to it.
    """
    best = similarities.max(axis=0, keepdims=True)
    of_best = np.divide(similarities, best, out=np.zeros_like(similarities), where=best > 0)
    ordered = np.sort(similarities, axis=0)
    rank = np.empty_like(similarities)
    for column in range(similarities.shape[1]):
        below = np.searchsorted(ordered[:, column], similarities[:, column], side="left")
        rank[:, column] = len(similarities) - below
    return np.hstack([similarities, of_best, 1 / np.log2(1 + rank)]).astype(np.float32)


def featurize(index: FaqIndex, questions: pd.DataFrame, plans: list[QueryPlan], workers: int) -> list[Candidates]:
    """Retrieve and describe the candidates of many questions, on several cores.

    Args:
        index: The FAQ.
        questions: One row a plan, in its order: columns `title`, `text`, `code`.
        plans: What each question may see.
        workers: Processes; 0 takes every core.

    Returns:
        For each question the candidates' entry numbers, shape (candidates,), best retrieved first, and
        their values, shape (candidates, described).
    """
    return list(chain.from_iterable(featurize_chunks(index, questions, plans, workers)))


def featurize_chunks(
    index: FaqIndex, questions: pd.DataFrame, plans: list[QueryPlan], workers: int
) -> Iterator[list[Candidates]]:
    """Do the same as `featurize`, some questions at a time: a question's features take 70 KB."""
    starts = range(0, len(plans), _CHUNK_QUERIES)
    chunks = _encode_chunks(index, questions, plans)
    # Starting processes and handing them the index costs seconds.
    processes = 1 if len(plans) < _FEW_QUERIES else count_workers(workers)
    if processes > 1:
        results = _featurize_apart(index, chunks, processes)
    else:
        results = (_featurize_chunk(index, *chunk) for chunk in chunks)
    yield from tqdm(results, total=len(starts), desc="comparing questions", unit="chunk", disable=None)


def _encode_chunks(index: FaqIndex, questions: pd.DataFrame, plans: list[QueryPlan]) -> Iterator[_Chunk]:
    """Cut questions into chunks, encoded where the index is: in this process alone, which may have the GPU."""
    for start in range(0, len(plans), _CHUNK_QUERIES):
        texts = questions.iloc[start : start + _CHUNK_QUERIES]
        yield texts, plans[start : start + _CHUNK_QUERIES], index.encode(texts)


def _featurize_apart(index: FaqIndex, chunks: Iterable[_Chunk], processes: int) -> Iterator[list[Candidates]]:
    """Featurize in processes that map the index from a file: it would be pickled for every chunk otherwise."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "index.joblib"
        joblib.dump(replace(index, encoder=None), path)
        yield from joblib.Parallel(n_jobs=processes, return_as="generator")(
            joblib.delayed(_featurize_mapped)(path, *chunk) for chunk in chunks
        )


def _featurize_mapped(
    path: Path, questions: pd.DataFrame, plans: list[QueryPlan], vectors: Vectors | None
) -> list[Candidates]:
    return _featurize_chunk(_map_index(path), questions, plans, vectors)


@lru_cache(maxsize=1)
def _map_index(path: Path) -> FaqIndex:
    index: FaqIndex = joblib.load(path, mmap_mode="r")
    return index


def _featurize_chunk(
    index: FaqIndex, questions: pd.DataFrame, plans: list[QueryPlan], vectors: Vectors | None
) -> list[Candidates]:
    queries = index.make_queries(questions, vectors)
    return [_featurize_one(index, q, p) for q, p in zip(queries, plans, strict=True)]


def _featurize_one(index: FaqIndex, query: Query, plan: QueryPlan) -> Candidates:
    allowed = plan.list_allowed(len(index.documents))
    found = index.retrieve(query, plan.count, allowed)
    if plan.add_original:
        original = int(np.searchsorted(index.entries, plan.original_id))
        if original not in found:
            found = np.append(found, original)
    if not len(found):
        return found, np.empty((0, len(list_described(encoded=index.is_encoded))), dtype=np.float32)
    unknown = np.full((len(found), 1), query.unknown_else if plan.is_learned else query.unknown, dtype=np.float32)
    return found, np.hstack([describe_candidates(index.compare(query, found, allowed)), unknown])


def tabulate(index: FaqIndex, plans: list[QueryPlan], rows: Iterable[Candidates]) -> pd.DataFrame:
    """Lay featurized questions out as one table, a row a candidate."""
    tables, described = [], list_described(encoded=index.is_encoded)
    for plan, (found, features) in zip(plans, rows, strict=True):
        table = pd.DataFrame(features, columns=described)
        candidate = index.entries[found]
        table.insert(0, "label", (candidate == plan.original_id).astype(np.int8))
        table.insert(0, "candidate_id", candidate)
        table.insert(0, "question_id", plan.question_id)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def featurize_fold(
    questions: pd.DataFrame,
    roles: pd.DataFrame,
    params: RetrievalParams,
    before: pd.Timestamp | None = None,
    encoder: TextEncoder | None = None,
) -> pd.DataFrame:
    """Do the same as `iter_fold`, all in one table."""
    return pd.concat(iter_fold(questions, roles, params, before, encoder), ignore_index=True)


def iter_fold(
    questions: pd.DataFrame,
    roles: pd.DataFrame,
    params: RetrievalParams,
    before: pd.Timestamp | None = None,
    encoder: TextEncoder | None = None,
) -> Iterator[pd.DataFrame]:
    """Featurize every question of a fold as its role allows, some hundred at a time.

    Every original is an entry; training and tuning duplicates are its known texts. `plan_queries` says what each
    question sees of that.

    Args:
        questions: Columns `question_id`, `title`, `text`, `code`: all but test duplicates count for the words;
            with `before`, `created`, too.
        roles: Columns `question_id`, `original_id`, `role`, `group` of one fold.
        params: Retrieval limits.
        before: Words of questions created at this time or later, or who knows when, are not counted (a split by time);
            None counts all.
        encoder: Of further views; None has none.

    Yields:
        Columns `role` (`train`, `tune`, `absent`, `test_known`, `test_unseen`, `absent_test`), `query` (number),
        `group` (in `roles` that of the question's original, -1 without one), `question_id`, `candidate_id`, `label`,
        and what `list_described` names.
    """
    index = _index_fold(questions, roles, params, before, encoder)
    taught = encoder.learned_from if encoder else frozenset[int]()
    learned = set(_list_learned(questions, roles, before))
    plans = [
        (role, replace(plan, is_learned=plan.question_id in learned))
        for role, plan in plan_queries(index, roles, _list_unlinked(questions, roles, before), params, taught)
    ]
    by_id = questions.set_index("question_id")
    texts = by_id.loc[[plan.question_id for _, plan in plans], ["title", "text", "code"]]
    index.weights = _choose_weights(index, texts, plans)
    group = roles.set_index("question_id")["group"]
    done = 0
    for rows in featurize_chunks(index, texts, [plan for _, plan in plans], params.workers):
        chunk = plans[done : done + len(rows)]
        table = tabulate(index, [plan for _, plan in chunk], rows)
        query = np.repeat(np.arange(len(chunk)), [len(found) for found, _ in rows])
        table.insert(0, "group", table["question_id"].map(group).fillna(-1).astype(np.int64))
        table.insert(0, "query", query + done)
        table.insert(0, "role", np.array([role for role, _ in chunk])[query])
        done += len(chunk)
        yield table


def _index_fold(
    questions: pd.DataFrame,
    roles: pd.DataFrame,
    params: RetrievalParams,
    before: pd.Timestamp | None,
    encoder: TextEncoder | None = None,
) -> FaqIndex:
    known = roles.loc[roles["role"].isin(LEARNED), ["original_id", "question_id"]]
    originals = np.unique(roles["original_id"])
    own = pd.DataFrame({"original_id": originals, "question_id": originals})
    corpus = _list_corpus(questions, roles)
    counted = None if before is None else corpus["question_id"].isin(_list_learned(questions, roles, before)).to_numpy()
    return FaqIndex.build(corpus, pd.concat([own, known], ignore_index=True), params, counted, encoder)


def _list_corpus(questions: pd.DataFrame, roles: pd.DataFrame) -> pd.DataFrame:
    """Give all questions but test duplicates."""
    held_out = roles.loc[~roles["role"].isin(LEARNED), "question_id"]
    return questions[~questions["question_id"].isin(np.setdiff1d(held_out, roles["original_id"]))]


def _list_learned(questions: pd.DataFrame, roles: pd.DataFrame, before: pd.Timestamp | None) -> list[int]:
    """List the questions whose words are counted."""
    corpus = _list_corpus(questions, roles)
    # What has no date may be as late as any.
    counted = corpus if before is None else corpus[corpus["created"] < before]
    ids: list[int] = counted["question_id"].tolist()
    return ids


def _list_unlinked(
    questions: pd.DataFrame, roles: pd.DataFrame, before: pd.Timestamp | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the questions that are neither duplicate nor original: those that may be learned from, and all."""
    linked = np.union1d(roles["question_id"], roles["original_id"])
    rows = questions[~questions["question_id"].isin(linked)]
    early = rows if before is None else rows[rows["created"] < before]
    return early["question_id"].to_numpy(np.int64), rows["question_id"].to_numpy(np.int64)


def _choose_weights(index: FaqIndex, texts: pd.DataFrame, plans: list[tuple[str, QueryPlan]]) -> StageWeights:
    """Choose the weights of retrieval on training and tuning questions."""
    learned = _draw_learned(plans)
    queries = index.make_queries(texts.iloc[learned])
    asked = []
    for query, i in zip(queries, learned, strict=True):
        plan = plans[i][1]
        right = int(np.searchsorted(index.entries, plan.original_id))
        asked.append((query, right, plan.list_allowed(len(index.documents))))
    return choose_weights(index, asked)


def _draw_learned(plans: list[RolePlan]) -> list[int]:
    """List the plans of some training and tuning questions, each with all of its copies: those differ in kind."""
    learned = [(i, plan.question_id) for i, (role, plan) in enumerate(plans) if role in LEARNED]
    step = find_step(len(learned), MOST_QUESTIONS)
    drawn = set(list(dict.fromkeys(question for _, question in learned))[::step])
    return [i for i, question in learned if question in drawn]
