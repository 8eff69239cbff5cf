"""Bring questions from outside into the form the matcher takes."""

from __future__ import annotations

import pandas as pd

from triptych.faq.text.html import clean_html, clean_title


def complete_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Fill in what a table of new questions may leave out.

    Args:
        table: Columns `title` and `body`, of which one may be missing, and optionally `question_id` (whole
            numbers, unique; counted from 1 where missing or empty). Any further ones are dropped.

    Returns:
        Columns `question_id` (int64), `title`, `body` (str; empty where there is none).

    Raises:
        ValueError: If both texts are missing, or ids are no whole numbers, or repeated.
    """
    if not {"title", "body"} & set(table.columns):
        raise ValueError(f"columns are {list(table.columns)}: title or body is needed")
    table = table.reset_index(drop=True).reindex(columns=["question_id", "title", "body"])
    for column in ("title", "body"):
        table[column] = table[column].fillna("").astype(str)
    if table["question_id"].isna().all():
        table["question_id"] = range(1, len(table) + 1)
    try:
        given = pd.to_numeric(table["question_id"])
        table["question_id"] = given.astype("int64")
    except (ValueError, TypeError) as error:
        raise ValueError(f"question_id must be whole numbers: {error}") from error
    if (rounded := table["question_id"] != given).any():
        raise ValueError(f"question_id must be whole numbers: {given[rounded].iloc[0]} is none")
    if (repeated := table["question_id"].duplicated()).any():
        raise ValueError(f"question_id {table.loc[repeated, 'question_id'].iloc[0]} occurs twice")
    return table


def clean_new_questions(new_questions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clean the texts of new questions.

    Args:
        new_questions: Columns `question_id`, `title`, `body` (HTML or plain text).

    Returns:
        Columns `question_id`, `title`, `text`, `code` of those with any text; `question_id`, `reason` of
        the others.
    """
    clean = [clean_html(body) for body in new_questions["body"]]
    table = pd.DataFrame(
        {
            "question_id": new_questions["question_id"],
            "title": [clean_title(title) for title in new_questions["title"]],
            "text": [text for text, _ in clean],
            "code": [code for _, code in clean],
        }
    )
    # Columns of no row are no text yet.
    table = table.astype({"title": str, "text": str, "code": str})
    empty = (table["title"] + table["text"] + table["code"]).str.strip() == ""
    return table[~empty], table.loc[empty, ["question_id"]].assign(reason="no text")
