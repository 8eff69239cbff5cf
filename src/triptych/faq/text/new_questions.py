"""Bring questions from outside into the form the matcher takes."""

from __future__ import annotations

import re

import pandas as pd

from triptych.faq.text.html import clean_title
from triptych.faq.text.markup import TextFormat, clean_body

# Up to 18 digits fit int64; with leading zeros it is a name: 007 is not 7.
_WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.0)?")


def complete_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Fill in what a table of new questions may leave out.

    Args:
        table: Columns `title` and `body`, of which one may be missing, and optionally `question_id` (unique;
            counted from 1 where missing or empty). Any further ones are dropped.

    Returns:
        Columns `question_id` (int64 where all are whole numbers, else str), `title`, `body` (str; empty where there
        is none).

    Raises:
        ValueError: If both texts are missing, or ids are repeated, or some are empty, or numbers with a fraction.
    """
    if not {"title", "body"} & set(table.columns):
        raise ValueError(f"columns are {list(table.columns)}: title or body is needed")
    table = table.reset_index(drop=True).reindex(columns=["question_id", "title", "body"])
    for column in ("title", "body"):
        table[column] = table[column].fillna("").astype(str)
    if table["question_id"].isna().all():
        table["question_id"] = range(1, len(table) + 1)
    table["question_id"] = _read_ids(table["question_id"])
    if (repeated := table["question_id"].duplicated()).any():
        raise ValueError(f"question_id {table.loc[repeated, 'question_id'].iloc[0]} occurs twice")
    return table


def _read_ids(given: pd.Series) -> pd.Series:
    """Take ids as numbers where every one is a whole number, as ticket systems' text else."""
    if (empty := given.isna() | (given.astype(str).str.strip() == "")).any():
        place = int(empty.to_numpy().argmax()) + 1
        raise ValueError(f"question_id is empty in row {place}: fill in every one, or leave the column out")
    if pd.api.types.is_float_dtype(given) and (broken := given % 1 != 0).any():
        raise ValueError(f"question_id {given[broken].iloc[0]} is neither a whole number nor text")
    written = given.astype(str).str.strip()
    if written.map(_WHOLE.fullmatch).notna().all():
        return written.str.removesuffix(".0").astype("int64")
    return written


def clean_new_questions(
    new_questions: pd.DataFrame, text_format: TextFormat = "auto"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clean the texts of new questions.

    Args:
        new_questions: Columns `question_id`, `title`, `body` (HTML or plain text).
        text_format: Which of both the bodies are.

    Returns:
        Columns `question_id`, `title`, `text`, `code` of those with any text; `question_id`, `reason` of
        the others.
    """
    clean = [clean_body(body, text_format) for body in new_questions["body"]]
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
