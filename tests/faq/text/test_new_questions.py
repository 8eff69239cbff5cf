"""Questions from outside, completed and cleaned."""

from __future__ import annotations

import pandas as pd
import pytest

from triptych.faq.text.new_questions import clean_new_questions, complete_columns


def test_what_is_missing_is_filled_in() -> None:
    table = complete_columns(pd.DataFrame({"title": ["a", None], "other": [1, 2]}, index=[8, 9]))
    assert table.to_dict("list") == {"question_id": [1, 2], "title": ["a", ""], "body": ["", ""]}
    assert complete_columns(pd.DataFrame({"body": ["x"], "question_id": [7.0]}))["question_id"].tolist() == [7]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"question_id": [1], "text": ["a"]}, r"\['question_id', 'text'\]: title or body is needed"),
        ({"question_id": [1, None], "title": ["a", "b"]}, "whole numbers"),
        ({"question_id": ["one"], "title": ["a"]}, "whole numbers"),
        ({"question_id": [3, 3], "title": ["a", "b"]}, "question_id 3 occurs twice"),
    ],
)
def test_what_cannot_be_is_refused(table: dict[str, list[object]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        complete_columns(pd.DataFrame(table))


def test_questions_without_text_are_told_apart() -> None:
    asked = complete_columns(pd.DataFrame({"title": ["a [duplicate]", " ", ""], "body": ["<p>b</p>", "<p> </p>", "c"]}))
    clean, rejected = clean_new_questions(asked)
    assert clean[["question_id", "title", "text"]].to_numpy().tolist() == [[1, "a", "b"], [3, "", "c"]]
    assert rejected.to_dict("list") == {"question_id": [2], "reason": ["no text"]}
