"""Tell which questions of a file can be added to a matcher, and why the others cannot."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from triptych.faq.ids import IdNumbers
from triptych.faq.matcher import FaqMatcher
from triptych.faq.text.html import clean_title
from triptych.faq.text.markup import TextFormat, clean_body

COLUMNS = ("question_id", "title", "body", "original_id", "tags", "answer_id", "answer")
_IDS = ("question_id", "original_id", "answer_id")
# What pandas makes of whole numbers beside empty cells.
_FLOAT = re.compile(r"(\d+)\.0", re.ASCII)


@dataclass(frozen=True)
class Selection:
    """What `FaqMatcher.add` takes, and what is left out: columns `question_id` (as given), `reason`."""

    questions: pd.DataFrame
    pairs: pd.DataFrame
    answers: pd.DataFrame
    names: pd.DataFrame
    rejected: pd.DataFrame


def complete_additions(table: pd.DataFrame) -> pd.DataFrame:
    """Fill in what a table of additions may leave out.

    Args:
        table: Columns `question_id` and `title` or `body`; `original_id`, `tags`, `answer_id` and `answer` may be
            missing, and any cell empty. Further columns are dropped.

    Returns:
        COLUMNS, all str, empty where there is nothing.

    Raises:
        ValueError: If a column is missing.
    """
    if "question_id" not in table or not {"title", "body"} & set(table.columns):
        raise ValueError(f"columns are {list(table.columns)}: question_id, and title or body, are needed")
    table = table.reset_index(drop=True).reindex(columns=list(COLUMNS))
    texts = {column: ["" if pd.isna(cell) else str(cell) for cell in table[column]] for column in COLUMNS}
    texts |= {column: [_FLOAT.sub(r"\1", cell.strip()) for cell in texts[column]] for column in _IDS}
    return pd.DataFrame(texts, columns=list(COLUMNS), dtype=object)


def select_additions(matcher: FaqMatcher, table: pd.DataFrame, text_format: TextFormat = "auto") -> Selection:
    """Clean a table of additions, and take from it what a matcher can take.

    A question with an `original_id` is a duplicate of that one, or of what that is a duplicate of; one without is an
    original. Originals may come in the same table. The answer of a duplicate is not read.

    Args:
        matcher: The FAQ.
        table: As `complete_additions` gives it.
        text_format: What bodies and answers are.
    """
    numbers = IdNumbers(matcher.names)
    rows = _read_rows(table, numbers, text_format)
    _reject_known(rows, matcher)
    originals = _resolve_originals(rows, matcher)
    good = [row for row in rows if row.reason is None]
    questions = pd.DataFrame(
        [(row.question, row.title, row.text, row.code, row.tags) for row in good],
        columns=["question_id", "title", "text", "code", "tags"],
    ).astype({"question_id": np.int64})
    pairs = [(row.question, originals[row.question]) for row in good if originals[row.question] != row.question]
    answers = [row.answer for row in good if row.answer and originals[row.question] == row.question]
    rejected = [(row.given, row.reason) for row in rows if row.reason is not None]
    used = {row.question for row in good} | {answer[1] for answer in answers}
    names = numbers.names
    return Selection(
        questions,
        pd.DataFrame(pairs, columns=["question_id", "original_id"], dtype=np.int64),
        pd.DataFrame(answers, columns=["question_id", "answer_id", "html", "text"]),
        names[names["id"].isin(used) | names["id"].isin(matcher.names["id"])].reset_index(drop=True),
        pd.DataFrame(rejected, columns=["question_id", "reason"], dtype=object),
    )


@dataclass
class _Row:
    given: str
    question: int = -1
    original: int | None = None
    original_given: str = ""
    title: str = ""
    text: str = ""
    code: str = ""
    tags: str = ""
    answer: tuple[int, int, str, str] | None = None
    reason: str | None = None


def _read_rows(table: pd.DataFrame, numbers: IdNumbers, text_format: TextFormat) -> list[_Row]:
    rows = []
    for cells in table.to_dict("records"):
        row = _Row(cells["question_id"], original_given=cells["original_id"], tags=cells["tags"])
        try:
            _read_row(row, cells, numbers, text_format)
        except ValueError as error:
            row.reason = str(error)
        rows.append(row)
    return rows


def _read_row(row: _Row, cells: dict[Any, str], numbers: IdNumbers, text_format: TextFormat) -> None:
    row.question = _number(numbers, cells, "question_id")
    row.original = _number(numbers, cells, "original_id") if cells["original_id"] else None
    row.title = clean_title(cells["title"])
    row.text, row.code = clean_body(cells["body"], text_format)
    if not (row.title + row.text + row.code).strip():
        raise ValueError("no text")
    if cells["answer"].strip():
        answer = _number(numbers, cells, "answer_id") if cells["answer_id"] else -1
        row.answer = (row.question, answer, cells["answer"], clean_body(cells["answer"], text_format).text)


def _number(numbers: IdNumbers, cells: dict[Any, str], column: str) -> int:
    try:
        return numbers.number(cells[column])
    except ValueError as error:
        raise ValueError(f"{column}: {error}") from error


def _reject_known(rows: list[_Row], matcher: FaqMatcher) -> None:
    there = matcher.index.find_originals(np.array([row.question for row in rows], dtype=np.int64)) >= 0
    seen: set[int] = set()
    for row, is_known in zip(rows, there.tolist(), strict=True):
        if row.reason is None and is_known:
            row.reason = "it is in the FAQ already"
        elif row.reason is None and row.question in seen:
            row.reason = "an earlier row has the same question_id"
        if row.reason is None:
            seen.add(row.question)


def _resolve_originals(rows: list[_Row], matcher: FaqMatcher) -> dict[int, int]:
    """Find the original of each question that is not rejected; reject those without one."""
    added = {row.question: row for row in rows if row.reason is None}
    named = sorted({row.original for row in added.values() if row.original is not None})
    in_faq = matcher.index.find_originals(np.array(named, dtype=np.int64)).tolist()
    known = {name: original for name, original in zip(named, in_faq, strict=True) if original >= 0}
    originals: dict[int, int] = {}
    for question, row in added.items():
        found = _follow(question, added, known)
        if found is None:
            row.reason = f"its original {row.original_given} is neither in the FAQ nor among the added ones"
        else:
            originals[question] = found
    return originals


def _follow(question: int, added: dict[int, _Row], known: dict[int, int]) -> int | None:
    """Follow a chain of duplicates to its original, None where it leads to none (or in a circle)."""
    seen: set[int] = set()
    while question not in known:
        if question not in added or question in seen:
            return None
        seen.add(question)
        following = added[question].original
        if following is None or following == question:
            return question
        question = following
    return known[question]
