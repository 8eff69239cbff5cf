"""Turn raw posts into the tables of questions, duplicate pairs and answers."""

from typing import Any, Protocol

import numpy as np
import pandas as pd
from tqdm import tqdm

from triptych.pipelines.faq.html_text import clean_html, clean_title
from triptych.pipelines.faq.linking import resolve_originals
from triptych.pipelines.faq.params import FilterParams


class PostFile(Protocol):
    """Posts on disk, as `triptych.datasets.ParquetBatchesDataset` loads them."""

    @property
    def metadata(self) -> dict[str, Any]:
        """The report of what was read."""

    def to_pandas(self, columns: list[str] | None = None, filters: Any = None) -> pd.DataFrame:
        """Read the posts that pass the filters."""


def read_questions(posts: PostFile) -> pd.DataFrame:
    """Read and clean the questions.

    Returns:
        Columns `question_id`, `title`, `text`, `code`, `tags`, `created`, `accepted_answer_id` (-1: none).
    """
    columns = ["id", "title", "body", "tags", "created", "accepted_answer_id"]
    raw = posts.to_pandas(columns=columns, filters=[("kind", "==", "question")])
    bar = tqdm(raw["body"].fillna(""), desc="cleaning questions", unit="question", disable=None)
    clean = [clean_html(body) for body in bar]
    return pd.DataFrame(
        {
            "question_id": raw["id"].astype("int64"),
            "title": [clean_title(title) for title in raw["title"].fillna("")],
            "text": [text for text, _ in clean],
            "code": [code for _, code in clean],
            "tags": raw["tags"].fillna(""),
            "created": raw["created"].astype("datetime64[ms]"),
            "accepted_answer_id": raw["accepted_answer_id"].fillna(-1).astype("int64"),
        }
    )


def read_answers(posts: PostFile, questions: pd.DataFrame) -> pd.DataFrame:
    """Read the best answer of each question: the accepted one, else the one with the highest score.

    Args:
        posts: The raw posts.
        questions: Columns `question_id`, `accepted_answer_id`: whose answers to read.

    Returns:
        Columns `question_id`, `answer_id`, `accepted`, `score`, `html`, `text`; at most one row a question.
    """
    columns = ["id", "parent_id", "score", "body"]
    raw = posts.to_pandas(columns=columns, filters=[("kind", "==", "answer")])
    accepted_id = questions.set_index("question_id")["accepted_answer_id"]
    raw = raw[raw["parent_id"].isin(accepted_id.index)]
    accepted = accepted_id.reindex(raw["parent_id"]).to_numpy() == raw["id"].to_numpy()
    best = raw.assign(accepted=accepted).sort_values(
        ["parent_id", "accepted", "score", "id"], ascending=[True, False, False, True]
    )
    best = best.drop_duplicates("parent_id")
    return pd.DataFrame(
        {
            "question_id": best["parent_id"].astype("int64"),
            "answer_id": best["id"].astype("int64"),
            "accepted": best["accepted"].astype(bool),
            "score": best["score"].fillna(0).astype("int64"),
            "html": best["body"].fillna(""),
            "text": [clean_html(body).text for body in best["body"].fillna("")],
        }
    ).reset_index(drop=True)


def filter_pairs(
    questions: pd.DataFrame, links: pd.DataFrame, params: FilterParams
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Resolve links to pairs, and drop those whose texts or originals do not qualify.

    Returns:
        Columns `question_id`, `original_id`; and how many pairs each rule dropped.
    """
    pairs = resolve_originals(links, set(questions["question_id"].tolist()))
    counts = {"links": len(links), "pairs_resolved": len(pairs)}
    length = (questions["title"].str.len() + questions["text"].str.len()).to_numpy()
    long_enough = questions.loc[length >= max(params.min_text_chars, 1), "question_id"]
    pairs = pairs[pairs["question_id"].isin(long_enough) & pairs["original_id"].isin(long_enough)]
    counts["pairs_long_enough"] = len(pairs)
    if params.require_accepted_answer:
        accepted = questions.loc[questions["accepted_answer_id"] >= 0, "question_id"]
        pairs = pairs[pairs["original_id"].isin(accepted)]
    counts["pairs_with_required_answer"] = len(pairs)
    duplicates = pairs.groupby("original_id")["question_id"].transform("size")
    pairs = pairs[duplicates >= params.min_duplicates].reset_index(drop=True)
    return pairs, counts | {"pairs": len(pairs), "originals": int(pairs["original_id"].nunique())}


def describe_data(
    questions: pd.DataFrame, pairs: pd.DataFrame, answers: pd.DataFrame, counts: dict[str, int]
) -> dict[str, Any]:
    """Sum up what cleaning and filtering left."""
    per_original = pairs.groupby("original_id").size()
    return {
        **counts,
        "questions": len(questions),
        "background_questions": len(questions) - len(np.union1d(pairs["question_id"], pairs["original_id"])),
        "answers": len(answers),
        "originals_without_answer": int((~per_original.index.isin(answers["question_id"])).sum()),
        "duplicates_per_original": {
            "median": float(per_original.median()) if len(per_original) else 0.0,
            "max": int(per_original.max()) if len(per_original) else 0,
        },
    }
