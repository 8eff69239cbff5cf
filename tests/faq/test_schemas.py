"""The schemas pass what the workload makes and refuse what would mislead it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pandera.errors
import pytest

from tests.faq.conftest import Sample
from tests.faq.corpora import make_pairs, make_questions
from triptych.faq import schemas
from triptych.faq.pairs.splitting import split_pairs
from triptych.faq.params import SplitParams

QUESTIONS = make_questions({1: "a b c d", 2: "e f g h"})
LINKS = pd.DataFrame({"duplicate_id": [2, 3], "original_id": [1, 1], "created": pd.Series([pd.NaT] * 2)})
LINKS["created"] = LINKS["created"].astype("datetime64[ns]")


def test_the_tables_of_the_sample_pass(sample: Sample, features: pd.DataFrame) -> None:
    schemas.QUESTIONS.validate(sample.questions)
    schemas.PAIRS.validate(sample.pairs)
    schemas.ANSWERS.validate(sample.answers)
    schemas.ROLES.validate(split_pairs(sample.questions, sample.pairs, SplitParams(), 2))
    schemas.FEATURE_ROWS.validate(features.assign(fold=0))
    schemas.LINKS.validate(LINKS)


@pytest.mark.parametrize(
    ("schema", "table"),
    [
        (schemas.PAIRS, make_pairs({3: 2, 2: 1})),
        (schemas.PAIRS, pd.concat([make_pairs({2: 1}), make_pairs({2: 3})])),
        (schemas.QUESTIONS, pd.concat([QUESTIONS, QUESTIONS])),
        (schemas.QUESTIONS, QUESTIONS.assign(text=None)),
        (schemas.QUESTIONS, QUESTIONS.drop(columns="code")),
        (schemas.QUESTIONS, QUESTIONS.assign(question_id=[1.5, 2.5])),
        (schemas.LINKS, LINKS.assign(duplicate_id=2)),
        (schemas.ROLES, make_pairs({2: 1}).assign(fold=0, role="teach", group=0)),
        (schemas.ROLES, make_pairs({2: 1}).assign(fold=-1, role="train", group=0)),
        (schemas.ROLES, make_pairs({2: 1}).assign(fold=0, role="train")),
        (schemas.NEW_QUESTIONS, pd.DataFrame({"question_id": [1, 1], "title": "a", "body": "b"})),
    ],
)
def test_bad_tables_are_refused(schema: Any, table: pd.DataFrame) -> None:
    with pytest.raises((pandera.errors.SchemaError, pandera.errors.SchemaErrors)):
        schema.validate(table)


@pytest.mark.parametrize(("column", "value"), [("label", 2), ("role", "excluded"), ("fold", -1)])
def test_bad_features_are_refused(features: pd.DataFrame, column: str, value: object) -> None:
    table = features.assign(fold=0).head(20).copy()
    table[column] = pd.Series([value] * len(table), index=table.index).astype(table[column].dtype)
    with pytest.raises(pandera.errors.SchemaError):
        schemas.FEATURE_ROWS.validate(table)


def test_posts_without_a_question_are_refused() -> None:
    good = SimpleNamespace(metadata={"kept_questions": 1})
    assert schemas.Posts.validate(good) is good
    with pytest.raises(ValueError, match=r"no question was kept of 5 .* faq\.ingest\.tags"):
        schemas.Posts.validate(SimpleNamespace(metadata={"kept_questions": 0, "questions": 5}))
