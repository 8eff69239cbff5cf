"""Turn raw posts into the tables of questions and answers."""

import pandas as pd
from tqdm import tqdm

from triptych.faq.dump.parquet_batches import PostFile
from triptych.faq.text.html import clean_title
from triptych.faq.text.markup import TextFormat, clean_body


def read_questions(posts: PostFile, text_format: TextFormat = "auto") -> pd.DataFrame:
    """Read and clean the questions.

    Args:
        posts: The raw posts.
        text_format: What their bodies are.

    Returns:
        Columns `question_id`, `title`, `text`, `code`, `tags`, `created`, `accepted_answer_id` (-1: none).
    """
    columns = ["id", "title", "body", "tags", "created", "accepted_answer_id"]
    raw = posts.to_pandas(columns=columns, filters=[("kind", "==", "question")])
    bar = tqdm(raw["body"].fillna(""), desc="cleaning questions", unit="question", disable=None)
    clean = [clean_body(body, text_format) for body in bar]
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


def add_answers(questions: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Add the text of each question's best answer as column `answer`, empty where there is none."""
    text = answers.set_index("question_id")["text"].reindex(questions["question_id"]).fillna("")
    return questions.assign(answer=text.to_numpy())


def read_answers(posts: PostFile, questions: pd.DataFrame, text_format: TextFormat = "auto") -> pd.DataFrame:
    """Read the best answer of each question: the accepted one, else the one with the highest score.

    Args:
        posts: The raw posts.
        questions: Columns `question_id`, `accepted_answer_id`: whose answers to read.
        text_format: What their bodies are.

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
            "text": [clean_body(body, text_format).text for body in best["body"].fillna("")],
        }
    ).reset_index(drop=True)
