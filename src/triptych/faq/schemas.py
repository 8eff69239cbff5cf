"""What the tables of the faq workload must look like (pandera): checked at every load and save."""

from typing import Any

import pandera.pandas as pa

from triptych.faq.ranking.feature_file import make_schema
from triptych.faq.ranking.features import DESCRIBED, list_described
from triptych.faq.ranking.plans import ABSENT, ABSENT_TEST, LEARNED, TESTED

_ID = pa.Column("int64")
_TEXT = pa.Column(str)

LINKS = pa.DataFrameSchema(
    {"duplicate_id": _ID, "original_id": _ID, "created": pa.Column("datetime64[ns]", nullable=True)},
    unique=["duplicate_id", "original_id"],
)
# Ids that are text in the raw data, and the numbers that stand for them everywhere else.
NAMES = pa.DataFrameSchema({"id": pa.Column("int64", unique=True), "name": pa.Column(str, unique=True)})
QUESTIONS = pa.DataFrameSchema(
    {
        "question_id": pa.Column("int64", unique=True),
        "title": _TEXT,
        "text": _TEXT,
        "code": _TEXT,
        "tags": _TEXT,
        "created": pa.Column("datetime64[ms]", nullable=True),
        "accepted_answer_id": _ID,
    }
)
PAIRS = pa.DataFrameSchema(
    {"question_id": pa.Column("int64", unique=True), "original_id": _ID},
    checks=pa.Check(
        lambda pairs: ~pairs["original_id"].isin(pairs["question_id"]), error="an original is a duplicate too"
    ),
)
ANSWERS = pa.DataFrameSchema(
    {
        "question_id": pa.Column("int64", unique=True),
        "answer_id": pa.Column("int64", unique=True),
        "accepted": pa.Column(bool),
        "score": _ID,
        "html": _TEXT,
        "text": _TEXT,
    }
)
ROLES = pa.DataFrameSchema(
    {
        "fold": pa.Column("int64", pa.Check.ge(0)),
        "question_id": _ID,
        "original_id": _ID,
        "role": pa.Column(str, pa.Check.isin(["train", "tune", "test_known", "test_unseen", "excluded"])),
        "group": pa.Column("int64", pa.Check.ge(0)),
    },
    unique=["fold", "question_id"],
)
FEATURE_ROWS = pa.DataFrameSchema(
    {
        "fold": pa.Column("int64", pa.Check.ge(0)),
        "role": pa.Column(str, pa.Check.isin([*LEARNED, ABSENT, *TESTED, ABSENT_TEST])),
        "group": _ID,
        "query": _ID,
        "question_id": _ID,
        "candidate_id": _ID,
        "label": pa.Column("int8", pa.Check.isin([0, 1])),
        **{
            name: pa.Column("float32", pa.Check.ge(0), required=name in DESCRIBED)
            for name in list_described(encoded=True)
        },
    }
)
# Ids are whole numbers or text, whatever the system gives that they come from.
NEW_QUESTIONS = pa.DataFrameSchema(
    {"question_id": pa.Column(unique=True, nullable=False), "title": _TEXT, "body": _TEXT}
)
# What is wrong with a row is told row by row.
ADDITIONS = pa.DataFrameSchema(
    dict.fromkeys(("question_id", "title", "body", "original_id", "tags", "answer_id", "answer"), _TEXT)
)


class FeatureRows:
    """Check the candidates by the names and types of their columns; values are checked as they are made."""

    @staticmethod
    def validate(features: Any) -> Any:
        """Refuse a file of other features."""
        names = [field.name for field in features.schema]
        if names not in [make_schema(encoded=encoded).names for encoded in (False, True)]:
            other = sorted(set(names) ^ set(make_schema(encoded=False).names))
            raise ValueError(f"candidates have other columns than this code makes ({other}): featurize them anew")
        return features


class Posts:
    """Check the handle of the raw posts by its footer alone: it may be larger than memory."""

    @staticmethod
    def validate(posts: Any) -> Any:
        """Refuse a file without a question."""
        if posts.metadata.get("kept_questions", 0) == 0:
            raise ValueError(
                f"no question was kept of {posts.metadata.get('questions', 0)} in the raw data: "
                "check faq.ingest.tags and faq.ingest.background_every"
            )
        return posts
