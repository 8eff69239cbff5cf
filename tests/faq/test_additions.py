"""Questions are added to a matcher without a rebuild; what cannot be added is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.faq.corpora import WORDS, make_questions, topical_corpus
from triptych.datasets.faq_matcher import FaqMatcherDataset
from triptych.errors import InputError
from triptych.faq.additions import Drift
from triptych.faq.matcher import FaqMatcher
from triptych.faq.params import RetrievalParams
from triptych.faq.retrieval.index import FaqIndex

# An original, a duplicate of it, and a duplicate of one that is there.
ADDED = make_questions(
    {
        1005: "topic77x topic77y array loop regex",
        1006: "topic77y topic77x promise button form",
        2000: "topic3x brandnew topic3z callback closure",
    }
)
PAIRS = pd.DataFrame({"question_id": [1006, 2000], "original_id": [1005, 1030]})
ANSWERS = pd.DataFrame(
    {"question_id": [1005], "answer_id": [9], "html": ["<p>so it is</p>"], "text": ["so it is with topic77x"]}
)
NO_ANSWERS = ANSWERS.head(0)


@pytest.fixture(scope="module")
def grown(matcher: FaqMatcher) -> FaqMatcher:
    return matcher.add(ADDED, PAIRS, ANSWERS)


def ask(text: str) -> pd.DataFrame:
    return make_questions({1: text})


def test_what_was_added_is_found(matcher: FaqMatcher, grown: FaqMatcher) -> None:
    # Words of the vocabulary alone: the others are new to it.
    one, same = make_questions({5000: "promise storage cookie"}), ask("promise storage cookie")
    found = matcher.add(one, PAIRS.head(0), NO_ANSWERS).match(same, top_k=1).iloc[0]
    assert (found["original_id"], found["title"], found["answer_id"]) == (5000, "promise storage cookie", -1)
    assert set(grown.index.documents) - set(matcher.index.documents) == {1005, 1006, 2000}
    row = grown.match(ask("array loop regex"), top_k=99).set_index("original_id").loc[1005]
    assert (row["title"], row["answer_id"], row["answer"]) == ("topic77x topic77y array", 9, "<p>so it is</p>")
    assert matcher.match(ask("array"), top_k=99)["original_id"].nunique() == 15


def test_a_grown_matcher_answers_as_one_that_was_built_of_all_with_the_same_words(
    matcher: FaqMatcher, grown: FaqMatcher
) -> None:
    questions, pairs = topical_corpus()
    everything = pd.concat([questions, ADDED], ignore_index=True).assign(answer="")
    everything.loc[everything["question_id"] == 1005, "answer"] = "so it is with topic77x"
    members = pd.concat([pairs, PAIRS, own(grown.entries["original_id"])], ignore_index=True)
    counted = ~everything["question_id"].isin(ADDED["question_id"]).to_numpy()
    index = FaqIndex.build(everything, members, RetrievalParams(), counted)
    index.weights = grown.index.weights
    entries = grown.entries.set_index("original_id").loc[index.entries].reset_index()
    built = replace(matcher, index=index, entries=entries)
    asked = pd.concat([ask("topic3x callback array promise"), ADDED, questions.iloc[:9]], ignore_index=True)
    pd.testing.assert_frame_equal(grown.match(asked, top_k=9), built.match(asked, top_k=9), check_exact=True)


def own(originals: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"original_id": originals, "question_id": originals})


def test_a_rebuild_changes_little_where_little_was_added(matcher: FaqMatcher) -> None:
    questions, pairs = topical_corpus()
    rng = np.random.default_rng(1)
    some = {3000 + i: " ".join(rng.choice(WORDS, size=12, replace=False)) for i in range(7)}
    grown = matcher.add(make_questions(some), PAIRS.head(0), NO_ANSWERS)
    rebuilt = grown.rebuild(RetrievalParams())
    rebuilt.index.weights = grown.index.weights
    asked = questions[questions["question_id"].isin(pairs["question_id"])]
    one, other = (m.match(asked, top_k=1).set_index("question_id") for m in (grown, rebuilt))
    assert (one["original_id"] == other["original_id"]).mean() >= 0.95
    assert (one["probability"] - other["probability"]).abs().median() < 0.05


def test_a_rebuild_knows_the_new_words_and_all_that_was_added(grown: FaqMatcher, tmp_path: Path) -> None:
    dataset = FaqMatcherDataset(filepath=tmp_path / "matcher")
    dataset.save(grown)
    assert grown.measure_drift().unknown_share > 0
    # From memory, and from what was saved.
    for rebuilt in (grown.rebuild(RetrievalParams()), dataset.load().rebuild(RetrievalParams())):
        assert rebuilt.measure_drift() == Drift(0.0, 0.0)
        assert rebuilt.additions.empty
        assert rebuilt.match(ask("topic77x topic77y"), top_k=1)["original_id"].tolist() == [1005]
        assert sorted(rebuilt.index.documents) == sorted(grown.index.documents)
        row = rebuilt.entries.set_index("original_id").loc[1005]
        assert (row["answer_id"], row["answer"]) == (9, "<p>so it is</p>")
    dataset.save(rebuilt)
    pd.testing.assert_frame_equal(dataset.load().match(ADDED, top_k=9), rebuilt.match(ADDED, top_k=9))


def test_a_background_question_that_is_added_has_one_text_after_a_rebuild(matcher: FaqMatcher) -> None:
    # A question that was in the dump without a link has been closed as a duplicate since.
    questions, pairs = topical_corpus()
    questions = pd.concat([questions, make_questions({77: "promise storage cookie"})], ignore_index=True)
    built = FaqMatcher.build(questions, pairs, matcher.entries, matcher.trained, RetrievalParams(workers=1))
    link = pd.DataFrame({"question_id": [77], "original_id": [1030]})
    grown = built.add(make_questions({77: "timer delay random"}), link, NO_ANSWERS)
    rebuilt = grown.rebuild(RetrievalParams(workers=1))
    assert rebuilt.index.find_originals(np.array([77])).tolist() == [1030]
    assert rebuilt.match(ask("timer delay random"), top_k=1)["original_id"].tolist() == [1030]
    assert rebuilt.texts is not None
    texts = rebuilt.texts.read().set_index("question_id")
    assert texts.index.is_unique
    assert (texts["original_id"][77], texts["title"][77]) == (1030, "timer delay random")


def test_a_matcher_without_its_texts_cannot_be_rebuilt(matcher: FaqMatcher, tmp_path: Path) -> None:
    matcher.save(tmp_path, with_texts=False)
    bare = FaqMatcher.load(tmp_path)
    assert bare.match(ADDED, top_k=1).equals(matcher.match(ADDED, top_k=1))
    with pytest.raises(ValueError, match="saved without its texts"):
        bare.rebuild(RetrievalParams())


def test_drift_is_the_share_of_what_was_added_and_of_its_new_words(matcher: FaqMatcher) -> None:
    assert matcher.measure_drift().added_share == 0
    drift = matcher.add(make_questions({5: "array brandnewword loop brandnewword"}), PAIRS.head(0), NO_ANSWERS)
    # The last word is code as well: 2 or 5 words are new.
    assert drift.measure_drift().unknown_share == pytest.approx(3 / 5)
    assert drift.measure_drift().added_share == pytest.approx(1 / (len(matcher.index.documents) + 1))


@pytest.mark.parametrize(
    ("questions", "pairs", "answers", "message"),
    [
        (ADDED.assign(question_id=[1005, 1005, 2000]), PAIRS.tail(1), NO_ANSWERS, "or come twice: 1005"),
        (ADDED.assign(question_id=[1005, 1006, 1030]), PAIRS.head(1), NO_ANSWERS, "in the FAQ already.*: 1030"),
        (ADDED, PAIRS.assign(original_id=[1005, 77]), NO_ANSWERS, "1 originals are neither in the FAQ nor added: 77"),
        # A duplicate is no original.
        (ADDED, PAIRS.assign(original_id=[1005, 1006]), NO_ANSWERS, "neither in the FAQ nor added: 1006"),
        (ADDED, PAIRS.assign(question_id=[1006, 3]), NO_ANSWERS, "1 pairs are of questions that are not added: 3"),
        (ADDED, PAIRS, ANSWERS.assign(question_id=1006), "1 answers are of no original that is added: 1006"),
    ],
)
def test_what_belongs_to_nothing_is_refused(
    matcher: FaqMatcher, questions: pd.DataFrame, pairs: pd.DataFrame, answers: pd.DataFrame, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        matcher.add(questions, pairs, answers)


def test_adding_nothing_gives_the_same_matcher(matcher: FaqMatcher) -> None:
    assert matcher.add(ADDED.head(0), PAIRS.head(0), NO_ANSWERS) is matcher


def list_files(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_ino for path in folder.rglob("*") if path.is_file()}


def test_a_grown_matcher_is_saved_beside_what_is_there_and_shares_its_files(
    matcher: FaqMatcher, tmp_path: Path
) -> None:
    dataset = FaqMatcherDataset(filepath=tmp_path / "matcher")
    dataset.save(matcher)
    before, built = list_files(tmp_path / "matcher"), dataset.load()
    dataset.save(built.add(ADDED, PAIRS, ANSWERS))
    after, again = list_files(tmp_path / "matcher"), dataset.load()
    shared = {
        name for name in before if name.split("/")[0].rpartition("_")[0] in ("segment", "terms", "entries", "texts")
    }
    assert len(shared) > 50
    assert {name: after[name] for name in shared} == {name: before[name] for name in shared}
    asked = pd.concat([ADDED, ask("topic3x promise")], ignore_index=True)
    expected = matcher.add(ADDED, PAIRS, ANSWERS).match(asked, top_k=9)
    pd.testing.assert_frame_equal(again.match(asked, top_k=9), expected)
    assert again.revision.number == 1
    # A matcher in memory may go on from what it has saved.
    dataset.save(grown_twice := again.add(make_questions({6000: "timer delay random"}), PAIRS.head(0), NO_ANSWERS))
    assert grown_twice.revision.number == 2
    again = grown_twice
    # And once more, on what was read: what was added before is not lost.
    more = make_questions({7000: "promise storage cookie"})
    dataset.save(again.add(more, PAIRS.head(0), NO_ANSWERS))
    last = dataset.load()
    assert last.entries["original_id"].tolist()[-3:] == [1005, 6000, 7000]
    assert last.additions["question_id"].tolist() == [1005, 1006, 2000, 6000, 7000]
    assert [path.name for path in tmp_path.iterdir()] == ["matcher"]


def test_of_two_that_add_at_once_the_second_is_refused_and_the_first_stays(matcher: FaqMatcher, tmp_path: Path) -> None:
    dataset = FaqMatcherDataset(filepath=tmp_path / "matcher")
    dataset.save(matcher)
    one, other = dataset.load(), dataset.load()
    dataset.save(one.add(ADDED, PAIRS, ANSWERS))
    with pytest.raises(Exception, match=r"replaced by another \(revision 1\) .* add again") as refused:
        dataset.save(other.add(ADDED.head(1), PAIRS.head(0), NO_ANSWERS))
    assert isinstance(refused.value.__cause__ or refused.value, InputError)
    assert dataset.load().additions["question_id"].tolist() == [1005, 1006, 2000]
    assert [path.name for path in tmp_path.iterdir()] == ["matcher"]
    # A matcher that was trained anew takes any place.
    dataset.save(matcher)
    assert dataset.load().additions.empty


def test_a_matcher_read_before_its_folder_was_replaced_still_answers_and_saves(
    matcher: FaqMatcher, tmp_path: Path
) -> None:
    dataset = FaqMatcherDataset(filepath=tmp_path / "matcher")
    dataset.save(matcher)
    early = dataset.load()
    dataset.save(replace(matcher, candidates=3))
    # Its files are gone but for the maps; those of the other matcher are not taken for them.
    (tmp_path / "copy").mkdir()
    early.save(tmp_path / "copy", with_texts=False)
    again = FaqMatcher.load(tmp_path / "copy")
    pd.testing.assert_frame_equal(again.match(ADDED, top_k=5), matcher.match(ADDED, top_k=5))
    with pytest.raises(InputError, match="is gone: the matcher was replaced by another since it was read"):
        early.rebuild(RetrievalParams())
