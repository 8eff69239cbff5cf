"""The finished product answers, survives a round trip, and refuses what is none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.faq.corpora import make_questions, topical_corpus
from triptych.faq.entries import make_entries
from triptych.faq.matcher import FaqMatcher

COLUMNS = ["question_id", "rank", "original_id", "score", "probability", "verdict", "title", "answer_id", "answer"]
ASKED = make_questions({7: "topic3x topic3y array loop", 5: "topic8z something topic8x", 9: "жжж щщщ ююю ффф"})


def test_questions_are_answered_in_their_order(matcher: FaqMatcher) -> None:
    matches = matcher.match(ASKED, top_k=3)
    assert list(matches.columns) == COLUMNS
    assert matches["question_id"].tolist() == [7] * 3 + [5] * 3 + [9] * 3
    assert matches["rank"].tolist() == [1, 2, 3] * 3
    assert matches["original_id"].tolist()[0:6:3] == [1030, 1080]
    for _, rows in matches.groupby("question_id"):
        assert rows["score"].is_monotonic_decreasing
        assert rows["original_id"].is_unique
    first = matches.iloc[0]
    assert first["title"] == matcher.entries.set_index("original_id")["title"][1030]
    assert (first["answer_id"], first["answer"]) == (6030, "<p>Answer to 1030</p>")
    assert matches.iloc[3][["answer_id", "answer"]].tolist() == [-1, ""]


def test_a_question_without_a_known_word_gets_ties_by_id(matcher: FaqMatcher) -> None:
    matches = matcher.match(ASKED.iloc[[2]], top_k=4)
    assert matches["original_id"].tolist() == [1000, 1010, 1020, 1030]
    assert matches["score"].nunique() == 1


def test_known_duplicates_lead_to_their_original(matcher: FaqMatcher) -> None:
    questions, pairs = topical_corpus()
    asked = questions[questions["question_id"].isin(pairs["question_id"])].assign(question_id=np.arange(len(pairs)))
    matches = matcher.match(asked, top_k=1)
    expected = pairs.sort_values("question_id")["original_id"]
    assert (matches["original_id"].to_numpy() == expected.to_numpy()).mean() > 0.9


def test_top_k_cuts_and_never_pads(matcher: FaqMatcher) -> None:
    assert matcher.match(ASKED.iloc[[0]], top_k=1)["rank"].tolist() == [1]
    assert matcher.match(ASKED.iloc[[0]], top_k=99)["rank"].tolist() == list(range(1, 16))


def test_one_question_is_answered_as_among_others(matcher: FaqMatcher) -> None:
    together = matcher.match(ASKED, top_k=5)
    alone = pd.concat([matcher.match(ASKED.iloc[[i]], top_k=5) for i in range(3)], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)


def test_ids_of_any_kind_come_back(matcher: FaqMatcher) -> None:
    named = matcher.match(ASKED.assign(question_id=["INC-7", "INC-5", "x"]), top_k=2)
    assert named["question_id"].tolist() == ["INC-7"] * 2 + ["INC-5"] * 2 + ["x"] * 2
    assert named["original_id"].tolist()[0:4:2] == [1030, 1080]


def test_no_question_gives_an_empty_table(matcher: FaqMatcher) -> None:
    matches = matcher.match(ASKED.head(0), top_k=3)
    assert list(matches.columns) == COLUMNS
    assert matches.empty


def test_a_saved_matcher_answers_the_same(matcher: FaqMatcher, tmp_path: Path) -> None:
    matcher.save(tmp_path)
    restored = FaqMatcher.load(tmp_path)
    pd.testing.assert_frame_equal(restored.match(ASKED, top_k=9), matcher.match(ASKED, top_k=9))
    assert restored.index.entries.tolist() == matcher.index.entries.tolist()
    assert restored.candidates == matcher.candidates
    assert restored.index.weights == matcher.index.weights
    # What is large is not read, but mapped.
    texts, postings = restored.index.segments[0].texts, restored.index.segments[0].postings
    for array in (texts.words, texts.leads, postings["all"].documents, postings["all"].weights):
        assert isinstance(array, np.memmap)
    # Nothing that runs code when it is read.
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".json", ".npy", ".parquet"}


def test_an_older_format_says_to_train_anew(matcher: FaqMatcher, tmp_path: Path) -> None:
    matcher.save(tmp_path)
    about = json.loads((tmp_path / "about.json").read_text())
    (tmp_path / "about.json").write_text(json.dumps(about | {"format": 2}))
    (tmp_path / "ranker.json").unlink()
    with pytest.raises(ValueError, match=r"has format 2, .*train anew with `kedro run --pipelines faq`"):
        FaqMatcher.load(tmp_path)


def test_probabilities_are_in_order_and_leave_room_for_no_match(matcher: FaqMatcher) -> None:
    matches = matcher.match(ASKED, top_k=99)
    assert matches["probability"].between(0, 1).all()
    for _, rows in matches.groupby("question_id"):
        assert rows["probability"].is_monotonic_decreasing
        assert rows["probability"].sum() <= 1 + 1e-9
    first = matches.groupby("question_id")["probability"].first()
    # The text in another script has nothing in common with any original.
    assert first[9] < min(first[7], first[5])


@pytest.mark.parametrize(("threshold", "verdicts"), [(0.0, {"match"}), (1.0, {"no match"})])
def test_matches_below_the_threshold_are_marked(matcher: FaqMatcher, threshold: float, verdicts: set[str]) -> None:
    trained = replace(matcher.trained, probability=replace(matcher.trained.probability, threshold=threshold))
    asked = replace(matcher, trained=trained)
    assert set(asked.match(ASKED, top_k=3)["verdict"]) == verdicts


@pytest.mark.parametrize("folder", ["missing", "."])
def test_a_folder_without_a_matcher_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(ValueError, match=r"holds no matcher .*kedro run --pipelines faq"):
        FaqMatcher.load(tmp_path / folder)


def test_another_format_is_refused(matcher: FaqMatcher, tmp_path: Path) -> None:
    matcher.save(tmp_path)
    about = json.loads((tmp_path / "about.json").read_text())
    (tmp_path / "about.json").write_text(json.dumps(about | {"format": about["format"] + 1}))
    with pytest.raises(
        ValueError, match=f"has format {about['format'] + 1}, this code reads {about['format']}: train anew"
    ):
        FaqMatcher.load(tmp_path)


def test_entries_are_originals_with_their_answers() -> None:
    questions = make_questions({1: "one two three four", 2: "five six seven eight", 3: "nine ten eleven twelve"})
    pairs = pd.DataFrame({"question_id": [3], "original_id": [2]})
    answers = pd.DataFrame({"question_id": [1, 2], "answer_id": [10, 20], "html": ["<p>a</p>", "<p>b</p>"]})
    assert make_entries(questions, pairs, answers).to_numpy().tolist() == [[2, "five six seven", 20, "<p>b</p>"]]
    assert make_entries(questions, pairs, answers.head(1)).to_numpy().tolist() == [[2, "five six seven", -1, ""]]
