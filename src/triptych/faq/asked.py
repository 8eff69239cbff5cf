"""Measure what is asked, so that later questions can be compared with those the matcher was made for.

Only figures are kept of a question, never its text.
"""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.drift.versions import number_model
from triptych.faq.matcher import NO_MATCH, FaqMatcher
from triptych.faq.ranking.features import featurize_chunks
from triptych.faq.ranking.plans import QueryPlan
from triptych.faq.retrieval.query import share_unknown

MEASURES = ("characters", "unknown_words", "probability", "no_match")
MOST_REFERENCE = 1000
_TESTED = ("test_known", "test_unseen")


def measure_questions(matcher: FaqMatcher, questions: pd.DataFrame, matches: pd.DataFrame) -> pd.DataFrame:
    """Measure questions that the matcher has answered.

    Args:
        matcher: The FAQ.
        questions: Columns `question_id`, `title`, `text`, `code` (clean).
        matches: What `matcher.match` gave for them.

    Returns:
        A row a question: `characters` of title, prose and code; `unknown_words`, the share of its words that no
        question of the FAQ has (in [0, 1]); `probability` of its first match; `no_match`, whether the verdict is that.
    """
    first = matches[matches["rank"] == 1].set_index("question_id").reindex(questions["question_id"])
    return _lay_out(
        questions,
        _share_unknown(matcher, questions)[:, 0],
        first["probability"].fillna(0.0).to_numpy(np.float64),
        (first["verdict"].fillna(NO_MATCH) == NO_MATCH).to_numpy(),
    )


def number_matcher(matcher: FaqMatcher) -> int:
    """Give the number of a matcher's ranker and probabilities, as `number_model`; what is added changes neither."""
    return number_model(json.dumps(matcher.trained.to_dict(), sort_keys=True).encode())


def measure_reference(matcher: FaqMatcher, questions: pd.DataFrame, roles: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Measure questions of the data as if they were new: those that the ranker has not learned from.

    A duplicate does not find itself, and a word that only one question has is unknown. Duplicates and questions
    without a link come in as they are in the data, at most 1000 in all.

    Args:
        matcher: The FAQ, built of all the questions.
        questions: Columns `question_id`, `title`, `text`, `code`.
        roles: Columns `question_id`, `original_id`, `role`: of the fold whose ranker the matcher has.
        seed: Of the draw.

    Returns:
        As `measure_questions`.
    """
    asked = questions.set_index("question_id").loc[_draw(questions, roles, seed)].reset_index()
    if asked.empty:
        return pd.DataFrame({name: np.empty(0, bool if name == "no_match" else float) for name in MEASURES})
    probability = _find_probabilities(matcher, asked)
    return _lay_out(
        asked, _share_unknown(matcher, asked)[:, 1], probability, probability < matcher.trained.probability.threshold
    )


def _lay_out(
    questions: pd.DataFrame,
    unknown: NDArray[np.float64],
    probability: NDArray[np.float64],
    no_match: NDArray[np.bool_],
) -> pd.DataFrame:
    length = sum(questions[field].str.len() for field in ("title", "text", "code"))
    columns = (np.asarray(length, dtype=np.int64), unknown, probability, no_match)
    return pd.DataFrame(dict(zip(MEASURES, columns, strict=True)))


def _draw(questions: pd.DataFrame, roles: pd.DataFrame, seed: int) -> NDArray[np.int64]:
    """Draw duplicates that were not learned from, and questions without a link, in the proportion of the data."""
    linked = np.union1d(roles["question_id"], roles["original_id"])
    unlinked = np.setdiff1d(questions["question_id"], linked)
    tested = roles.loc[roles["role"].isin(_TESTED), "question_id"].to_numpy(np.int64)
    duplicates = tested if len(tested) else roles["question_id"].to_numpy(np.int64)
    share = len(roles) / max(len(roles) + len(unlinked), 1)
    total = min(MOST_REFERENCE, *(len(of) / part for of, part in ((duplicates, share), (unlinked, 1 - share)) if part))
    rng, known = np.random.default_rng(seed), round(total * share)
    drawn = rng.permutation(duplicates)[:known], rng.permutation(unlinked)[: round(total) - known]
    return np.sort(np.concatenate(drawn)).astype(np.int64)


def _find_probabilities(matcher: FaqMatcher, questions: pd.DataFrame) -> NDArray[np.float64]:
    """Give the probability of each question's first match, with the question itself hidden."""
    hidden = [np.flatnonzero(matcher.index.documents == question) for question in questions["question_id"]]
    plans = [QueryPlan(i, hidden=own, count=matcher.candidates, is_learned=True) for i, own in enumerate(hidden)]
    found = [pair for chunk in featurize_chunks(matcher.index, questions, plans, 1) for pair in chunk]
    best = np.zeros(len(plans))
    for number, (entries, values) in enumerate(found):
        if len(entries):
            scores = matcher.trained.ranker.score(values, threads=1)
            sizes = np.array([len(entries)], dtype=np.int64)
            best[number] = matcher.trained.probability.estimate(values, scores, sizes).max()
    return best


def _share_unknown(matcher: FaqMatcher, questions: pd.DataFrame) -> NDArray[np.float64]:
    vocabulary = matcher.index.vocabulary
    return share_unknown(vocabulary.read(questions), vocabulary, matcher.index.weightings["all"])
