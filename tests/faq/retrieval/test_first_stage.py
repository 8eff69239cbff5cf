"""The weights of retrieval follow what finds the right entries, and only that."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.faq.corpora import topical_corpus
from triptych.faq.params import RetrievalParams
from triptych.faq.retrieval.first_stage import MOST_QUESTIONS, Asked, ask_duplicates, choose_weights
from triptych.faq.retrieval.index import FaqIndex, StageWeights


def build(questions: pd.DataFrame, pairs: pd.DataFrame) -> FaqIndex:
    originals = np.unique(pairs["original_id"])
    own = pd.DataFrame({"original_id": originals, "question_id": originals})
    return FaqIndex.build(questions, pd.concat([own, pairs]), RetrievalParams(max_document_share=1.0))


def ask(index: FaqIndex, questions: pd.DataFrame, pairs: pd.DataFrame) -> list[Asked]:
    rows = questions.set_index("question_id").loc[pairs["question_id"]]
    rights = np.searchsorted(index.entries, pairs["original_id"]).tolist()
    allowed = [index.documents != question for question in pairs["question_id"]]
    return list(zip(index.make_queries(rows), rights, allowed, strict=True))


@pytest.mark.parametrize(("telling", "silent", "weight"), [("text", "title", 0.25), ("title", "text", 1.0)])
def test_a_title_counts_as_much_as_it_tells(telling: str, silent: str, weight: float) -> None:
    questions, pairs = topical_corpus()
    whole = questions["title"] + " " + questions["text"]
    rng = np.random.default_rng(0)
    misleading = whole.to_numpy()[rng.permutation(len(whole))]
    questions[telling], questions[silent], questions["code"] = whole, misleading, ""
    index = build(questions, pairs)
    assert choose_weights(index, ask(index, questions, pairs)).title == weight


def test_scores_are_the_sums_they_say() -> None:
    questions, pairs = topical_corpus()
    index = build(questions, pairs)
    (query, _, allowed), *_ = ask(index, questions, pairs)
    whole, title = index.score_views(query)
    found = index.join_scores(np.stack([whole, title]), allowed, StageWeights(title=0.5, own=2.0))
    assert allowed is not None
    for entry, (start, end) in enumerate(zip(index.starts[:-1], index.starts[1:], strict=True)):
        own = [whole[d] + 0.5 * title[d] for d in range(start, end) if allowed[d]]
        assert found[entry] == pytest.approx(max(own) + 2 * (whole[start] + 0.5 * title[start]), rel=1e-5)
    nothing = index.join_scores(np.stack([whole, title]), np.zeros_like(allowed), StageWeights(own=1.0))
    assert (nothing == -1).all()


def test_without_questions_the_views_count_the_same() -> None:
    assert choose_weights(build(*topical_corpus()), []) == StageWeights(1.0, 0.0)


def test_of_many_duplicates_as_many_are_asked_about_without_their_siblings_as_with_them() -> None:
    questions, pairs = topical_corpus(originals=100, duplicates=3)
    index = build(questions, pairs)
    asked = list(ask_duplicates(index, questions, pairs))
    assert len(asked) <= MOST_QUESTIONS
    hidden = [int((~allowed).sum()) for _, _, allowed in asked if allowed is not None]
    assert hidden.count(1) == hidden.count(3) == len(asked) / 2
