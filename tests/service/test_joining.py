"""Requests that are joined get what they would get alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.service.conftest import encode_photo, encode_text
from triptych.service.worker.answers import Job
from triptych.service.worker.tables import Tables


@pytest.fixture(scope="module")
def faq(model_folder: Path) -> Tables:
    return Tables("faq", str(model_folder), 200, 6)


@pytest.fixture(scope="module")
def shelf(shelf_folder: Path) -> Tables:
    return Tables("shelf", str(shelf_folder), 200, 8)


def invoke(**body: Any) -> Job:
    return {"op": "invocations", "content_type": "application/json", "body": json.dumps(body).encode()}


FIGURES = {"score", "probability"}
texts = st.sampled_from(["topic3x topic3y", "topic8z <b>array</b>", "", "event storage", None])
ids = st.sampled_from([1, 2, "INC-7", "007", "", None, 3.0, 1.5, True, 10**20])
rows = st.fixed_dictionaries({}, optional={"title": texts, "body": texts, "question_id": ids, "other": texts})
records = st.lists(rows, max_size=4).map(lambda rows: invoke(dataframe_records=rows, params={"top_k": 2}))
columns = st.fixed_dictionaries({"title": st.lists(st.just("topic3x"), min_size=1, max_size=3)})
asked = columns.map(lambda columns: {"op": "rows", "columns": columns, "params": {"top_k": 2}})
others = st.sampled_from(
    [
        invoke(dataframe_records=[{"title": "topic3x"}], params={"top_k": 1}),
        invoke(dataframe_records=[{"title": "topic3x"}], params={"top_k": -1}),
        invoke(dataframe_split={"columns": ["title"], "data": [["topic8z"], ["topic3x"]]}, params={"top_k": 2}),
        invoke(inputs={"body": ["topic8z topic8x"]}, params={"top_k": 2}),
        {"op": "invocations", "content_type": "application/json", "body": b"["},
        {"op": "invocations", "content_type": "text/csv", "body": b"question_id,title\n5,topic3x\n"},
    ]
)


@settings(max_examples=30)
@given(jobs=st.lists(records | asked | others, min_size=2, max_size=5))
def test_questions_that_are_joined_are_answered_as_alone(jobs: list[Job], faq: Tables) -> None:
    joined, alone = faq.answer(jobs), [faq.answer([job])[0] for job in jobs]
    assert [answer[:2] for answer in joined] == [answer[:2] for answer in alone]
    for one, other in zip(joined, alone, strict=True):
        assert_alike(json.loads(one[2]), json.loads(other[2]))


def assert_alike(one: Any, other: Any) -> None:
    """Compare answers, but not the last digits of probabilities, which are computed by matrix."""
    assert one.keys() == other.keys()
    pairs = zip(one.get("predictions", [one]), other.get("predictions", [other]), strict=True)
    for row, expected in pairs:
        assert row == {**expected, **{name: pytest.approx(expected[name], rel=1e-9) for name in FIGURES & row.keys()}}


def test_joined_questions_are_asked_together(faq: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    predict = faq._model.predict

    def note(table: Any, params: Any) -> Any:
        sizes.append(len(table))
        return predict(table, params=params)

    monkeypatch.setattr(faq._model, "predict", note)
    job = invoke(dataframe_records=[{"title": "topic3x"}, {"title": "topic8z"}])
    assert len(set(faq.answer([job] * 5))) == 1
    assert sizes == [6, 4]


def test_photos_that_are_joined_are_answered_as_alone(shelf: Tables) -> None:
    params = {"score_threshold": 0.06}
    good = [{"op": "rows", "columns": {"image": [encode_photo(seed)]}, "params": params} for seed in (1, 2)]
    two = invoke(dataframe_records=[{"image": encode_text(encode_photo(seed))} for seed in (3, 4)], params=params)
    bad = {"op": "rows", "columns": {"image": [b"no photo"]}, "params": params}
    for jobs in ([*good, two], [good[0], bad, two]):
        answers = shelf.answer(jobs)
        assert answers == [shelf.answer([job])[0] for job in jobs]
        assert [status for status, _, _ in answers] == [400 if job is bad else 200 for job in jobs]
