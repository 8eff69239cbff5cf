"""The weights equal those of scikit-learn, or of a plain loop over the formula."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from tests.faq.corpora import draw_corpus, make_questions
from triptych.faq.retrieval.index import fit_weightings
from triptych.faq.retrieval.views import VIEWS, Measure, Weighting
from triptych.faq.retrieval.vocabulary import FIELD_WEIGHTS, LEAD_CHARS, Vocabulary
from triptych.faq.text.tokens import word_pairs, word_tokens

FIELDS = ["title", "text", "code", "tags", "answer"]
QUESTIONS = draw_corpus(3, originals=20).questions
# As originals have them, every other one.
QUESTIONS["tags"] = [f"<{code}>" if i % 2 else "" for i, code in enumerate(QUESTIONS["code"])]
QUESTIONS["answer"] = [f"use {text} then" if i % 2 else "" for i, text in enumerate(QUESTIONS["text"])]
# Words of both kinds, known and new ones.
ASKED = make_questions({1: "array promise unheard callback array loop loop loop", 2: "unheard of before", 3: "date"})
COUNTS, TEXTS = Vocabulary.learn(QUESTIONS, len(QUESTIONS), max_terms=100_000)
FITTED = COUNTS.count(TEXTS)
NEW = COUNTS.count(COUNTS.read(ASKED))


def name_terms(vocabulary: Vocabulary) -> dict[str, list[str]]:
    """List the terms of each vocabulary by number."""
    first, second = np.divmod(vocabulary.pairs, len(vocabulary.words))
    pairs = [f"{vocabulary.words[a]} {vocabulary.words[b]}" for a, b in zip(first, second, strict=True)]
    return {"words": vocabulary.words[: vocabulary.known], "word_pairs": pairs, "chars": vocabulary.grams}


TERMS = name_terms(COUNTS)


def texts_of(kind: str, questions: pd.DataFrame) -> list[str]:
    """Repeat each field as often as it weighs."""
    if kind == "title_chars":
        return questions["title"].tolist()
    if kind == "lead_chars":
        return (questions["title"] + " " + questions["text"].str.slice(0, LEAD_CHARS)).tolist()
    weights = FIELD_WEIGHTS[kind if kind in FIELD_WEIGHTS else "all"]
    rows = questions.reindex(columns=FIELDS, fill_value="").itertuples(index=False)
    return ["\n".join("\n".join([field] * n) for field, n in zip(row, weights, strict=True) if n) for row in rows]


def scikit_learn(kind: str) -> TfidfVectorizer:
    options: dict[str, Any] = {"analyzer": word_pairs if kind == "word_pairs" else word_tokens}
    if kind.endswith("_chars"):
        options = {"analyzer": "char_wb", "ngram_range": (3, 5)}
    stack = "chars" if kind.endswith("_chars") else "word_pairs" if kind == "word_pairs" else "words"
    terms = TERMS[stack]
    return TfidfVectorizer(sublinear_tf=True, vocabulary=terms, **options).fit(texts_of(kind, QUESTIONS))


@pytest.mark.parametrize("kind", sorted({view.document for view in VIEWS if view.measure == "tfidf"}))
def test_tfidf_equals_scikit_learns(kind: str) -> None:
    theirs, ours = scikit_learn(kind), Weighting.fit(FITTED[kind])
    for questions, counts in ((QUESTIONS, FITTED[kind]), (ASKED, NEW[kind])):
        expected = theirs.transform(texts_of(kind, questions)).toarray()
        assert np.abs(ours.weigh_document("tfidf", counts).toarray() - expected).max() < 1e-5
        assert np.abs(ours.weigh_query("tfidf", counts).toarray() - expected).max() < 1e-5
    assert FITTED[kind].sum() > 0


def test_a_question_is_weighed_with_the_documents_frequencies_not_its_own() -> None:
    weighting = Weighting.fit(FITTED["title"])
    expected = scikit_learn("title").transform(texts_of("question", ASKED)).toarray()
    assert np.abs(weighting.weigh_document("tfidf", NEW["question"]).toarray() - expected).max() < 1e-5


def similarities(measure: Measure, query_kind: str, document_kind: str) -> NDArray[np.float64]:
    weighting = Weighting.fit(FITTED[document_kind])
    queries = weighting.weigh_query(measure, NEW[query_kind]).toarray()
    return np.asarray(queries @ weighting.weigh_document(measure, FITTED[document_kind]).toarray().T, dtype=float)


def bm25_idf(documents: list[list[str]], word: str) -> float:
    holding = sum(word in document for document in documents)
    return math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))


@pytest.mark.parametrize("kind", ["all", "title"])
def test_bm25_equals_a_plain_loop(kind: str) -> None:
    documents = [word_tokens(text) for text in texts_of(kind, QUESTIONS)]
    known = set(TERMS["words"])
    mean = sum(map(len, documents)) / len(documents)
    found = similarities("bm25", kind, kind)
    for i, text in enumerate(texts_of(kind, ASKED)):
        for j, document in enumerate(documents):
            expected, frequency = 0.0, Counter(document)
            for word, asked in Counter(w for w in word_tokens(text) if w in known).items():
                tf = frequency[word]
                saturated = tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * len(document) / mean))
                expected += bm25_idf(documents, word) * saturated * 9 * asked / (8 + asked)
            assert found[i, j] == pytest.approx(expected, abs=1e-4, rel=1e-5)
    assert found.max() > 1


@pytest.mark.parametrize("measure", ["document_share", "query_share"])
def test_shares_equal_a_plain_loop(measure: Measure) -> None:
    documents = [word_tokens(text) for text in texts_of("title", QUESTIONS)]
    known = set(TERMS["words"])
    found = similarities(measure, "all", "title")
    for i, text in enumerate(texts_of("all", ASKED)):
        query = {word for word in word_tokens(text) if word in known}
        for j, document in enumerate(documents):
            of = set(document) if measure == "document_share" else query
            mass = sum(bm25_idf(documents, word) for word in of)
            shared = sum(bm25_idf(documents, word) for word in query & set(document))
            assert found[i, j] == pytest.approx(shared / mass if mass else 0, abs=1e-5)
    assert 0 < found.max() <= 1 + 1e-5


def test_what_is_near_to_every_text_is_scaled_down() -> None:
    weighting = fit_weightings(TEXTS, COUNTS)["titled"]
    rows = scikit_learn("titled").transform(texts_of("titled", QUESTIONS))
    alike = np.asarray((rows @ rows.T).mean(axis=1)).ravel()
    expected = rows.toarray() / np.sqrt(0.5 + alike / alike.mean())[:, None]
    assert np.abs(weighting.weigh_document("distinct", FITTED["titled"]).toarray() - expected).max() < 1e-5
    asked = weighting.weigh_query("distinct", NEW["titled"]).toarray()
    assert np.linalg.norm(asked[0]) == pytest.approx(1)
    assert alike.max() > 1.2 * alike.min()


def test_nothing_in_common_weighs_nothing_and_no_words_do_no_harm() -> None:
    empty = make_questions({1: "array promise callback loop", 2: "unheard"})
    empty.loc[1, ["title", "text", "code"]] = ""
    counts = COUNTS.count(COUNTS.read(empty))
    for kind, matrix in FITTED.items():
        weighting = replace(Weighting.fit(matrix), mean_weights=np.ones(matrix.shape[1], dtype=np.float32))
        for measure in ("tfidf", "bm25", "document_share", "query_share", "distinct"):
            both = weighting.weigh_query(measure, counts[kind]), weighting.weigh_document(measure, counts[kind])
            for weights in both:
                assert np.isfinite(weights.data).all()
                assert weights.toarray()[1].sum() == 0


def test_the_commonest_terms_are_kept() -> None:
    few, texts = Vocabulary.learn(QUESTIONS, len(QUESTIONS), max_terms=10)
    assert {len(terms) for terms in name_terms(few).values()} == {10}
    counts = few.count(texts)
    for kinds in (("all", "tags", "answer"), ("word_pairs",), ("title_chars", "lead_chars")):
        total, kept = (sum(np.asarray(table[k].sum(axis=0)).ravel() for k in kinds) for table in (FITTED, counts))
        assert np.sort(kept).tolist() == np.sort(total)[-10:].tolist()


def test_counts_are_the_same_learned_read_alone_and_together() -> None:
    again = COUNTS.count(COUNTS.read(QUESTIONS))
    assert set(FITTED) >= {kind for view in VIEWS for kind in (view.query, view.document)}
    for kind, matrix in FITTED.items():
        assert (matrix != again[kind]).nnz == 0
    for i in range(len(ASKED)):
        for kind, matrix in COUNTS.count(COUNTS.read(ASKED.iloc[[i]])).items():
            assert (matrix != NEW[kind][[i]]).nnz == 0


def test_texts_read_but_not_learned_from_change_no_term() -> None:
    half = len(QUESTIONS) // 2
    part, texts = Vocabulary.learn(QUESTIONS, half, max_terms=100_000)
    alone, _ = Vocabulary.learn(QUESTIONS.head(half), half, max_terms=100_000)
    assert name_terms(part) == name_terms(alone)
    assert len(texts) == len(QUESTIONS)
    expected = alone.count(alone.read(QUESTIONS))
    for kind, matrix in part.count(texts).items():
        assert (matrix != expected[kind]).nnz == 0


def test_tags_and_answers_are_counted_for_themselves_and_cross_no_pair() -> None:
    plain = make_questions({1: "array promise callback closure loop", 2: "date sort string button form"})
    told = plain.assign(tags=["<array><c#>", ""], answer=["zebra sort zebra", "quagga"])
    counter, texts = Vocabulary.learn(told, 2, max_terms=1000)
    counts = counter.count(texts)
    for kind, expected in (
        ("tags", [{"array": 1, "c#": 1}, {}]),
        ("answer", [{"zebra": 2, "sort": 1}, {"quagga": 1}]),
    ):
        rows = counts[kind].toarray()
        assert [{counter.words[i]: int(row[i]) for i in np.flatnonzero(row)} for row in rows] == expected
    before, before_texts = Vocabulary.learn(plain, 2, max_terms=1000)
    assert sorted(name_terms(counter)["word_pairs"]) == sorted(name_terms(before)["word_pairs"])
    assert counts["all"].sum(axis=1).tolist() == before.count(before_texts)["all"].sum(axis=1).tolist()
    # A new question has neither.
    assert counter.count(counter.read(plain))["answer"].nnz == 0
    assert counter.count(counter.read(told))["answer"].nnz == counts["answer"].nnz
