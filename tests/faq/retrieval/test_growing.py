"""An index that grew answers as one that was built of everything, with the words that the first part has."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faq.corpora import Corpus, draw_corpus, make_questions
from triptych.faq.params import RetrievalParams
from triptych.faq.retrieval.growing import add_documents
from triptych.faq.retrieval.index import FaqIndex, StageWeights

QUICK = settings(max_examples=10, deadline=None)
PARAMS = RetrievalParams()
ASKED = make_questions(
    {
        1: "array promise unheard callback array loop loop loop",
        2: "nothing here was heard before today",
        3: "date number regex timer json parse syntax",
        4: "closure module string",
    }
)


def list_members(corpus: Corpus) -> pd.DataFrame:
    originals = corpus.pairs["original_id"].drop_duplicates()
    own = pd.DataFrame({"original_id": originals, "question_id": originals})
    return pd.concat([corpus.pairs, own], ignore_index=True)


def cut_members(members: pd.DataFrame, parts: int, seed: int) -> list[pd.DataFrame]:
    """Cut into parts at random, an original no later than its duplicates; the first part has some."""
    rng = np.random.default_rng(seed)
    first = {
        original: int(part)
        for original, part in zip(members["original_id"].unique(), rng.integers(0, parts, len(members)), strict=False)
    }
    first[min(first)] = 0
    own = members["original_id"] == members["question_id"]
    part = members["original_id"].map(first)
    part = part.where(own, rng.integers(part, parts))
    return [members[part == number] for number in range(parts)]


def grow(corpus: Corpus, parts: list[pd.DataFrame]) -> FaqIndex:
    first, *later = [(corpus.questions[corpus.questions["question_id"].isin(p["question_id"])], p) for p in parts]
    index = FaqIndex.build(*first, PARAMS)
    for questions, members in later:
        index = add_documents(index, questions, members)
    return index


@QUICK
@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 14), st.sampled_from([0.0, 2.0]))
def test_a_grown_index_equals_one_built_of_all_with_the_words_of_the_first_part(
    seed: int, parts: int, count: int, own: float
) -> None:
    corpus = draw_corpus(seed)
    members = cut_members(list_members(corpus), parts, seed)
    grown = grow(corpus, members)
    counted = corpus.questions["question_id"].isin(members[0]["question_id"]).to_numpy()
    built = FaqIndex.build(corpus.questions, pd.concat(members), PARAMS, counted)
    grown.weights = built.weights = StageWeights(0.5, own)
    assert sorted(grown.entries) == built.entries.tolist()
    assert sorted(grown.documents) == sorted(built.documents)
    for query, same in zip(grown.make_queries(ASKED), built.make_queries(ASKED), strict=True):
        found, expected = grown.retrieve(query, count), built.retrieve(same, count)
        assert grown.entries[found].tolist() == built.entries[expected].tolist()
        # To the last bit: sums are in the order of the terms.
        assert np.array_equal(grown.compare(query, found), built.compare(same, expected))


def test_the_smaller_id_wins_a_tie_even_if_it_came_later() -> None:
    texts = dict.fromkeys([10, 20, 30, 40], "array promise callback")
    questions = make_questions(texts)
    members = pd.DataFrame({"original_id": list(texts), "question_id": list(texts)})
    index = FaqIndex.build(questions[1::2], members[1::2], PARAMS)
    index = add_documents(index, questions[::2], members[::2])
    for asked in ("array promise", "unheard of nowhere"):
        (query,) = index.make_queries(make_questions({1: asked}))
        assert index.entries[index.retrieve(query, 3)].tolist() == [10, 20, 30]


def test_adding_leaves_the_given_index_as_it_is() -> None:
    corpus = draw_corpus(3)
    parts = cut_members(list_members(corpus), 2, 0)
    index = grow(corpus, parts[:1])
    queries = list(index.make_queries(ASKED))
    before = [index.compare(query, index.retrieve(query, 5)) for query in queries]
    add_documents(index, corpus.questions, parts[1])
    assert all(np.array_equal(index.compare(q, index.retrieve(q, 5)), b) for q, b in zip(queries, before, strict=True))


@pytest.mark.parametrize("batch", [1, 3])
def test_there_are_few_segments_however_often_something_is_added(batch: int) -> None:
    texts = {number: f"topic{number} array loop" for number in range(60)}
    questions = make_questions(texts)
    members = pd.DataFrame({"original_id": list(texts), "question_id": list(texts)})
    index = FaqIndex.build(questions[:12], members[:12], PARAMS)
    for start in range(12, 60, batch):
        index = add_documents(index, questions[start : start + batch], members[start : start + batch])
        sizes = [len(segment) for segment in index.segments[1:]]
        assert all(one >= 2 * other for one, other in itertools.pairwise(sizes))
    assert len(index.segments) <= 7
    assert index.documents.tolist() == list(range(60))


def test_words_that_were_passed_over_stay_so_and_new_ones_of_the_vocabulary_do_not() -> None:
    texts = {number: f"ubiquitous topic{number} array loop" for number in range(60)}
    background = {99: "seldom heard words"}
    questions = make_questions(texts | background)
    members = pd.DataFrame({"original_id": list(texts), "question_id": list(texts)})
    index = FaqIndex.build(questions, members, PARAMS)
    added = make_questions({200: "ubiquitous seldom things"})
    grown = add_documents(index, added, pd.DataFrame({"original_id": [200], "question_id": [200]}))
    often, seldom = grown.make_queries(make_questions({1: "ubiquitous unheard unheard", 2: "seldom unheard unheard"}))
    # Nothing has a list for it: all tie, and the smallest id is first.
    assert grown.entries[grown.retrieve(often, 1)].tolist() == [0]
    assert grown.entries[grown.retrieve(seldom, 1)].tolist() == [200]
