"""What is asked is measured without keeping it, and compared with the questions of the data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.faq.conftest import Sample
from tests.faq.corpora import make_questions, topical_corpus
from triptych.drift.comparison import compare_samples
from triptych.drift.nodes import compare_asked, read_asked
from triptych.drift.params import DriftParams
from triptych.drift.versions import MODEL
from triptych.faq.asked import MEASURES, measure_questions, measure_reference, number_matcher
from triptych.faq.matcher import FaqMatcher
from triptych.faq.pairs.splitting import split_pairs
from triptych.faq.params import EvaluationParams, ScoringParams, SplitParams
from triptych.faq.text.tokens import word_tokens
from triptych.pipelines.faq.nodes import measure_reference_questions
from triptych.pipelines.faq_score.nodes import score_questions


def measure(matcher: FaqMatcher, questions: pd.DataFrame) -> pd.DataFrame:
    return measure_questions(matcher, questions, matcher.match(questions, 2))


def test_measures_are_those_of_their_definition(matcher: FaqMatcher) -> None:
    asked = make_questions({7: "topic3x topic3y array loop", 5: "topic8z неведомый topic8x zzzz", 9: "жжж щщщ"})
    measured = measure(matcher, asked)
    assert list(measured.columns) == list(MEASURES)
    texts = asked["title"] + asked["text"] + asked["code"]
    assert measured["characters"].tolist() == texts.str.len().tolist()
    first = matcher.match(asked, 1)
    assert measured["probability"].tolist() == first["probability"].tolist()
    assert measured["no_match"].tolist() == (first["verdict"] == "no match").tolist()
    known = set(matcher.index.vocabulary.words[: matcher.index.vocabulary.known])
    for row, unknown in zip(asked.itertuples(), measured["unknown_words"], strict=True):
        words = [word for text in (row.title, row.text, row.code) for word in word_tokens(str(text))]
        assert unknown == pytest.approx(np.mean([word not in known for word in words]))
    assert measured["unknown_words"].tolist()[2] == 1


def test_a_question_without_a_word_has_nothing_known(matcher: FaqMatcher) -> None:
    # Words over 40 characters are dropped: languages without spaces have such.
    asked = make_questions({7: "топик", 5: "x"}).assign(title=["\u6c38" * 60, "???"], text="", code="")
    assert measure(matcher, asked)["unknown_words"].tolist() == [1, 1]


def test_tags_which_new_questions_do_not_have_are_no_words_of_the_reference(matcher: FaqMatcher) -> None:
    questions, pairs = topical_corpus()
    roles = split_pairs(questions, pairs, SplitParams(), 1)
    questions["text"] += [f" own{question}" for question in questions["question_id"]]
    tagged = measure_reference(matcher, questions.assign(tags="array loop sort", answer="click form"), roles, 0)
    pd.testing.assert_frame_equal(tagged, measure_reference(matcher, questions, roles, 0))


def test_the_reference_measures_questions_as_if_they_were_new(matcher: FaqMatcher) -> None:
    questions, pairs = topical_corpus()
    roles = split_pairs(questions, pairs, SplitParams(), 1)
    reference = measure_reference(matcher, questions, roles, seed=0)
    tested = roles[roles["role"].isin(["test_known", "test_unseen"])]
    unlinked = set(questions["question_id"]) - set(roles["question_id"]) - set(roles["original_id"])
    assert 5 <= len(reference) <= len(tested) + len(unlinked)
    # A duplicate that found itself would be all but certain.
    found_itself = measure(matcher, questions[questions["question_id"].isin(tested["question_id"])])
    assert reference["probability"].max() < found_itself["probability"].max()


def test_a_word_of_one_question_alone_is_unknown_in_the_reference(matcher: FaqMatcher, sample: Sample) -> None:
    questions, pairs = topical_corpus()
    roles = split_pairs(questions, pairs, SplitParams(), 1)
    frequency: dict[str, int] = {}
    for row in questions.itertuples():
        words = {word for text in (row.title, row.text, row.code) for word in word_tokens(str(text))}
        for word in words:
            frequency[word] = frequency.get(word, 0) + 1
    from triptych.faq.retrieval.query import _mark_single

    known = matcher.index.vocabulary.words[: matcher.index.vocabulary.known]
    single = _mark_single(matcher.index.weightings["all"], np.arange(len(known), dtype=np.int32))
    assert single.tolist() == [frequency.get(word, 0) <= 1 for word in known]
    assert measure_reference(matcher, questions, roles, 0)["unknown_words"].between(0, 1).all()


def test_a_matcher_keeps_its_number_wherever_it_goes_and_shares_it_with_no_other(
    matcher: FaqMatcher, tmp_path: Path
) -> None:
    matcher.save(tmp_path, with_texts=False)
    assert number_matcher(FaqMatcher.load(tmp_path)) == number_matcher(matcher)
    surer = replace(matcher.trained.probability, threshold=0.99)
    assert number_matcher(replace(matcher, trained=replace(matcher.trained, probability=surer))) != number_matcher(
        matcher
    )


def test_a_batch_that_was_scored_is_compared_with_the_reference_of_its_matcher(
    matcher: FaqMatcher, tmp_path: Path
) -> None:
    questions, pairs = topical_corpus()
    roles = split_pairs(questions, pairs, SplitParams(), 1)
    reference = measure_reference_questions(matcher, questions, roles, EvaluationParams())
    batch = pd.DataFrame({"question_id": range(9), "title": [f"topic{i}x array" for i in range(9)], "body": ""})
    score_questions(matcher, batch, tmp_path, ScoringParams(log_requests=True))
    asked = read_asked(tmp_path, DriftParams())
    assert list(asked.columns) == ["time", *MEASURES, MODEL]
    _, metrics, _ = compare_asked(reference, asked, DriftParams())
    assert metrics["drift.requests"] + metrics["drift.repeats"] == 9


def test_questions_of_another_site_drift(matcher: FaqMatcher) -> None:
    questions, pairs = topical_corpus()
    reference = measure_reference(matcher, questions, split_pairs(questions, pairs, SplitParams(), 1), 0)
    foreign = make_questions({i: f"qubit{i} entangled hamiltonian{i} gate" for i in range(30)})
    drifted = compare_samples(reference, measure(matcher, foreign), DriftParams(min_requests=3))
    assert "unknown_words" in set(drifted.loc[drifted["is_drift"], "measure"])
