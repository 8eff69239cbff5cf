"""Of a file of additions, what can be added is, and the rest is told why not."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DatasetError

from triptych.datasets import AdditionFileDataset
from triptych.faq.ids import FIRST_TEXT
from triptych.faq.matcher import FaqMatcher
from triptych.faq.schemas import ADDITIONS
from triptych.faq.selection import Selection, complete_additions, select_additions


def table(**columns: list[object]) -> pd.DataFrame:
    return complete_additions(pd.DataFrame(columns))


def select(matcher: FaqMatcher, *rows: tuple[object, str, object]) -> Selection:
    """Select rows of question_id, title and original_id."""
    ids, titles, originals = zip(*rows, strict=True)
    return select_additions(matcher, table(question_id=list(ids), title=list(titles), original_id=list(originals)))


def test_originals_and_duplicates_of_any_order_are_taken(matcher: FaqMatcher) -> None:
    chosen = select(
        matcher, (8, "a duplicate", 9), (9, "an original", None), (7, "of a known one", 1030.0), (6, "b", 6)
    )
    assert chosen.questions["question_id"].tolist() == [8, 9, 7, 6]
    assert chosen.pairs.to_numpy().tolist() == [[8, 9], [7, 1030]]
    assert chosen.rejected.empty
    grown = matcher.add(chosen.questions, chosen.pairs, chosen.answers, chosen.names)
    assert grown.index.find_originals(chosen.questions["question_id"].to_numpy()).tolist() == [9, 9, 1030, 6]


def test_a_duplicate_of_a_duplicate_goes_to_its_original(matcher: FaqMatcher) -> None:
    # 1031 is a duplicate of 1030.
    chosen = select(matcher, (5, "first", 6), (6, "second", 1031), (7, "third", 5))
    assert chosen.pairs.to_numpy().tolist() == [[5, 1030], [6, 1030], [7, 1030]]


def test_each_bad_row_is_told_and_the_others_stay(matcher: FaqMatcher) -> None:
    chosen = select(
        matcher,
        (1, " ", None),
        (1030, "known", None),
        (2, "good", None),
        (2, "again", None),
        ("", "no id", None),
        (3, "lost", 77),
        (4, "of a bad one", 1),
        (5, "round", 6),
        (6, "and round", 5),
        ("x" * 300, "long", None),
    )
    assert chosen.questions["question_id"].tolist() == [2]
    assert dict(zip(chosen.rejected["question_id"], chosen.rejected["reason"], strict=True)) == {
        "1": "no text",
        "1030": "it is in the FAQ already",
        "2": "an earlier row has the same question_id",
        "": "question_id: it is empty",
        "3": "its original 77 is neither in the FAQ nor among the added ones",
        "4": "its original 1 is neither in the FAQ nor among the added ones",
        "5": "its original 6 is neither in the FAQ nor among the added ones",
        "6": "its original 5 is neither in the FAQ nor among the added ones",
        "x" * 300: "question_id: it has 300 characters, more than 200",
    }


def test_texts_and_answers_are_cleaned_and_a_duplicates_answer_is_not_read(matcher: FaqMatcher) -> None:
    given = table(
        question_id=["a", "b"],
        title=["One & all [duplicate]", "two"],
        body=["<p>prose <code>x()</code></p><pre>y()</pre>", "plain"],
        original_id=[None, "a"],
        tags=["js web", None],
        answer_id=["A-1", "A-2"],
        answer=["<p>do <b>this</b></p>", "<p>no</p>"],
    )
    chosen = select_additions(matcher, given)
    first = chosen.questions.iloc[0]
    assert (first["title"], first["tags"]) == ("One & all", "js web")
    assert "prose" in first["text"]
    assert "y()" in first["code"]
    assert chosen.answers[["html", "text"]].to_numpy().tolist() == [["<p>do <b>this</b></p>", "do this"]]
    assert sorted(chosen.names["name"]) == ["A-1", "a", "b"]


def test_ids_of_text_come_back_in_the_matches(matcher: FaqMatcher) -> None:
    given = table(question_id=["KB-7"], title=["promise storage cookie"], answer_id=["A-1"], answer=["<p>so</p>"])
    chosen = select_additions(matcher, given)
    assert chosen.questions["question_id"].iloc[0] >= FIRST_TEXT
    grown = matcher.add(chosen.questions, chosen.pairs, chosen.answers, chosen.names)
    asked = chosen.questions.assign(question_id=1)
    found = grown.match(asked, top_k=2)
    assert (found["original_id"][0], found["answer_id"][0]) == ("KB-7", "A-1")
    assert found["original_id"][1] in {str(one) for one in matcher.entries["original_id"]}
    # Known by its name from then on, as a question and as an original.
    again = select_additions(grown, table(question_id=["KB-7", "KB-8"], title=["x", "y"], original_id=[None, "KB-7"]))
    assert again.rejected["reason"].tolist() == ["it is in the FAQ already"]
    assert again.pairs["original_id"].tolist() == [chosen.questions["question_id"].iloc[0]]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
def test_files_are_read_as_they_are_written(tmp_path: Path, name: str) -> None:
    rows = pd.DataFrame({"question_id": [5, 6], "title": ["null", "007"], "original_id": [None, 5], "other": [1, 2]})
    path = tmp_path / name
    rows.to_parquet(path) if name.endswith("parquet") else rows.to_csv(path, index=False)
    loaded = ADDITIONS.validate(AdditionFileDataset(filepath=path).load())
    assert loaded[["question_id", "title", "original_id", "answer"]].to_numpy().tolist() == [
        ["5", "null", "", ""],
        ["6", "007", "5", ""],
    ]


@pytest.mark.parametrize("columns", [{"title": ["x"]}, {"question_id": [1]}])
def test_a_file_without_ids_or_texts_is_refused(tmp_path: Path, columns: dict[str, list[object]]) -> None:
    pd.DataFrame(columns).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DatasetError, match=r"a\.csv: columns are \[.*: question_id, and title or body, are needed"):
        AdditionFileDataset(filepath=tmp_path / "a.csv").load()


def test_a_table_without_rows_adds_nothing(matcher: FaqMatcher) -> None:
    chosen = select_additions(matcher, table(question_id=[], title=[]))
    assert matcher.add(chosen.questions, chosen.pairs, chosen.answers, chosen.names) is matcher
