"""Retrieval and comparison against dense matrices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.faq.corpora import Corpus, draw_corpus, make_pairs, make_questions
from tests.faq.retrieval.brute_force import BruteForce
from triptych.faq.params import RetrievalParams
from triptych.faq.retrieval import comparison, segment
from triptych.faq.retrieval import index as index_module
from triptych.faq.retrieval.index import FaqIndex
from triptych.faq.retrieval.segment import RETRIEVAL_VIEWS
from triptych.faq.retrieval.views import ENTRY_VIEWS, VIEWS

QUICK = settings(max_examples=8, deadline=None)
SEEDS = st.integers(0, 10_000)
PARAMS = RetrievalParams()
ASKED = make_questions(
    {
        1: "array promise unheard callback array loop loop loop",
        2: "nothing here was heard before today",
        3: "date number regex timer json parse syntax",
        4: "closure module string",
    }
)
# Those that every text of an entry has.
SHARED = len(VIEWS) - len(ENTRY_VIEWS)


def build(corpus: Corpus, params: RetrievalParams = PARAMS) -> FaqIndex:
    originals = corpus.pairs["original_id"].drop_duplicates()
    own = pd.DataFrame({"original_id": originals, "question_id": originals})
    members = pd.concat([corpus.pairs, own]).sample(frac=1, random_state=0)
    return FaqIndex.build(corpus.questions, members, params)


def densely(corpus: Corpus, index: FaqIndex) -> list[dict[str, NDArray[np.float64]]]:
    """Score every document for each question asked, by view."""
    documents = corpus.questions.set_index("question_id").loc[index.documents]
    found = BruteForce(corpus.questions, documents).compare(ASKED)
    return [{name: scores[i] for name, scores in found.items()} for i in range(len(ASKED))]


def enrich(corpus: Corpus) -> Corpus:
    """Give some questions tags and an answer."""
    codes, texts = corpus.questions["code"], corpus.questions["text"]
    some = np.arange(len(codes)) % 2 == 0
    answers = np.where(some, "use " + texts + " then", "")
    return Corpus(corpus.questions.assign(tags=np.where(some, "<" + codes + ">", ""), answer=answers), corpus.pairs)


def draw_mask(index: FaqIndex, seed: int) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random(len(index.documents)) < 0.6


def entry_of(index: FaqIndex) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(index.entries)), np.diff(index.starts))


def test_documents_are_grouped_by_original_the_original_first() -> None:
    corpus = draw_corpus(1)
    index = build(corpus)
    duplicates = corpus.pairs.groupby("original_id")["question_id"].agg(sorted)
    assert index.entries.tolist() == duplicates.index.tolist()
    for number, original in enumerate(index.entries):
        own = index.documents[index.starts[number] : index.starts[number + 1]]
        assert own.tolist() == [original, *duplicates[original]]
    # An original younger than its duplicates comes first all the same.
    later = build(Corpus(corpus.questions, make_pairs({1001: 1050, 1002: 1050, 1051: 1050})))
    assert later.documents.tolist() == [1050, 1001, 1002, 1051]


def test_a_member_without_a_question_is_refused() -> None:
    corpus = draw_corpus(1)
    questions = corpus.questions[corpus.questions["question_id"] != 1001]
    with pytest.raises(KeyError, match="1 members have no question"):
        build(Corpus(questions, corpus.pairs))


@QUICK
@given(SEEDS, st.booleans(), st.randoms(use_true_random=False))
def test_comparing_equals_the_dense_product(seed: int, masked: bool, random: object) -> None:
    corpus = enrich(draw_corpus(seed))
    index = build(corpus)
    allowed = draw_mask(index, seed) if masked else None
    count = len(index.entries)
    entries = np.array(random.sample(range(count), count // 2))  # type: ignore[attr-defined]
    for query, expected in zip(index.make_queries(ASKED), densely(corpus, index), strict=True):
        found = index.compare(query, entries, allowed)
        assert found.shape == (len(entries), 2 * len(VIEWS) - len(ENTRY_VIEWS))
        for view in range(len(VIEWS)):
            dense = expected[VIEWS[view].name]
            visible = np.where(allowed, dense, 0) if allowed is not None else dense
            for row, entry in enumerate(entries):
                own = slice(index.starts[entry], index.starts[entry + 1])
                assert found[row, view] == pytest.approx(dense[own][0], abs=1e-4)
                if view < SHARED:
                    assert found[row, len(VIEWS) + view] == pytest.approx(visible[own].max(), abs=1e-4)


@QUICK
@given(SEEDS, st.booleans(), st.integers(2, 14))
def test_retrieving_equals_ranking_everything(seed: int, masked: bool, count: int) -> None:
    corpus = draw_corpus(seed)
    index = build(corpus)
    allowed = draw_mask(index, seed) if masked else np.full(len(index.documents), True)
    for query, expected in zip(index.make_queries(ASKED), densely(corpus, index), strict=True):
        scores = sum(expected[name] for name in RETRIEVAL_VIEWS)
        found = index.retrieve(query, count, allowed if masked else None)
        visible = sorted(set(entry_of(index)[allowed].tolist()))
        assert len(found) == min(count, len(visible))
        best = {e: np.asarray(scores)[allowed & (entry_of(index) == e)].max() for e in visible}
        assert set(found.tolist()) <= set(visible)
        assert [best[e] for e in found.tolist()] == pytest.approx(
            sorted(best.values(), reverse=True)[: len(found)], abs=1e-4
        )


@pytest.mark.parametrize("count", [2, 5, 11])
def test_the_smaller_number_wins_a_tie(count: int) -> None:
    index = build(draw_corpus(2))
    (query,) = index.make_queries(make_questions({1: "unheard of nowhere"}))
    assert index.retrieve(query, count).tolist() == list(range(count))
    same = draw_corpus(2, originals=12, copied=0.0)
    texts = dict.fromkeys(same.questions["question_id"].tolist(), "array promise callback")
    tied = build(Corpus(make_questions(texts), same.pairs))
    (query,) = tied.make_queries(make_questions({1: "array promise"}))
    assert tied.retrieve(query, count).tolist() == list(range(count))


def test_entries_without_an_allowed_document_are_left_out() -> None:
    index = build(draw_corpus(2))
    (query,) = index.make_queries(ASKED.iloc[[0]])
    allowed = np.isin(entry_of(index), [3, 5])
    assert set(index.retrieve(query, 50, allowed).tolist()) == {3, 5}
    assert index.retrieve(query, 50, np.zeros_like(allowed)).tolist() == []


def test_words_of_too_many_documents_do_not_take_part_in_retrieval() -> None:
    texts, original_of = {}, {}
    for number in range(40):
        original = 1000 + 10 * number
        common = "ubiquitous" if number >= 10 else "seldom"
        for question in (original, original + 1):
            texts[question] = f"{common} topic{number} filler{question} more{question}"
        original_of[original + 1] = original
    corpus = Corpus(make_questions(texts), make_pairs(original_of))
    asked = make_questions({1: "ubiquitous unheard words", 2: "seldom unheard words"})
    # 60 of 80 documents hold the common word: passed over only where the share, and 50 documents, are fewer.
    for share, first in ((0.5, 0), (0.8, 10)):
        index = build(corpus, RetrievalParams(max_document_share=share))
        frequent, seldom = index.make_queries(asked)
        assert index.retrieve(frequent, 3)[0] == first
        assert set(index.retrieve(seldom, 10).tolist()) == set(range(10))
        # Comparison knows all words.
        assert index.compare(frequent, np.array([20]))[0, 0] > 0


@QUICK
@given(SEEDS)
def test_a_question_alone_equals_one_among_others(seed: int) -> None:
    index = build(draw_corpus(seed))
    together = list(index.make_queries(ASKED))
    for i, query in enumerate(together):
        (alone,) = index.make_queries(ASKED.iloc[[i]])
        for (terms, weights), (own_terms, own_weights) in zip(query.terms, alone.terms, strict=True):
            assert np.array_equal(terms, own_terms)
            assert np.array_equal(weights, own_weights)
    # No query leaves a trace for the next one.
    entries = np.arange(len(index.entries))
    first = [index.compare(query, entries) for query in together]
    again = [index.compare(query, entries) for query in reversed(together)]
    for one, other in zip(first, reversed(again), strict=True):
        assert np.array_equal(one, other)


def test_parts_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = enrich(draw_corpus(5, originals=30))
    whole = build(corpus)
    queries = list(whole.make_queries(ASKED))
    entries = np.arange(len(whole.entries))
    expected = [(whole.compare(query, entries), whole.retrieve(query, 3)) for query in queries]
    monkeypatch.setattr(comparison, "_CELLS", 1)
    monkeypatch.setattr(segment, "_CHUNK_TEXTS", 3)
    monkeypatch.setattr(index_module, "_BLOCK", 2)
    parted = build(corpus)
    for query, (compared, retrieved) in zip(parted.make_queries(ASKED), expected, strict=True):
        assert np.array_equal(parted.compare(query, entries), compared)
        assert np.array_equal(parted.retrieve(query, 3), retrieved)


def test_texts_without_words_and_an_original_alone_do_no_harm() -> None:
    empty = make_questions({1: "array promise callback loop"})
    empty.loc[0, ["title", "text", "code"]] = ""
    index = FaqIndex.build(empty, pd.DataFrame({"original_id": [1], "question_id": [1]}), PARAMS)
    for query in index.make_queries(ASKED):
        assert index.retrieve(query, 5).tolist() == [0]
        assert not index.compare(query, np.array([0])).any()
