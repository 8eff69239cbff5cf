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
        ({"question_id": [1, None], "title": ["a", "b"]}, "question_id is empty in row 2"),
        ({"question_id": ["T-1", " "], "title": ["a", "b"]}, "question_id is empty in row 2"),
        ({"question_id": [1.5, 2.0], "title": ["a", "b"]}, "question_id 1.5 is neither a whole number nor text"),
        ({"question_id": ["T-1", "T-1"], "title": ["a", "b"]}, "question_id T-1 occurs twice"),
        ({"question_id": [3, 3], "title": ["a", "b"]}, "question_id 3 occurs twice"),
    ],
)
def test_what_cannot_be_is_refused(table: dict[str, list[object]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        complete_columns(pd.DataFrame(table))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["INC-7", "INC-8"], ["INC-7", "INC-8"]),
        (["7", "INC-8"], ["7", "INC-8"]),
        (["007", "7"], ["007", "7"]),
        (["7", "-8"], [7, -8]),
        (["7.0", "8.0"], [7, 8]),
        (["1.10", "1.1"], ["1.10", "1.1"]),
        (["92233720368547758070", "1"], ["92233720368547758070", "1"]),
    ],
)
def test_ids_of_ticket_systems_stay_text(given: list[str], expected: list[object]) -> None:
    table = complete_columns(pd.DataFrame({"question_id": given, "title": ["a", "b"]}))
    assert table["question_id"].tolist() == expected
    clean, _ = clean_new_questions(table)
    assert clean["question_id"].tolist() == expected


def test_the_user_may_say_what_bodies_are() -> None:
    asked = complete_columns(pd.DataFrame({"body": ["a <b>bold</b> tag"]}))
    texts = {form: clean_new_questions(asked, form)[0]["text"].item() for form in ("auto", "html", "plain")}
    assert texts == {"auto": "a bold tag", "html": "a bold tag", "plain": "a <b>bold</b> tag"}


def test_questions_without_text_are_told_apart() -> None:
    asked = complete_columns(pd.DataFrame({"title": ["a [duplicate]", " ", ""], "body": ["<p>b</p>", "<p> </p>", "c"]}))
    clean, rejected = clean_new_questions(asked)
    assert clean[["question_id", "title", "text"]].to_numpy().tolist() == [[1, "a", "b"], [3, "", "c"]]
    assert rejected.to_dict("list") == {"question_id": [2], "reason": ["no text"]}
