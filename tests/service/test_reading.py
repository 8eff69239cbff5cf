"""What would be a large table is refused before one is made of it."""

from __future__ import annotations

import csv
import json
import time
from typing import Any

import pytest
from mlflow.types import ColSpec, Schema
from mlflow.types.schema import AnyType

from triptych.service.worker.answers import RefusedError
from triptych.service.worker.reading import read_invocation

SCHEMA = Schema([ColSpec(AnyType(), "question_id", required=False), ColSpec("string", "title", required=False)])  # type: ignore[no-untyped-call]
JSON, CSV = "application/json", "text/csv"


def read(kind: str, body: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return read_invocation(kind, text.encode(), SCHEMA, 200)[0]


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        # Three of these ended their process after a minute, one of them with 5.6 GB of memory.
        (CSV, "title," + "a," * 1_900_000 + "b\nx\n", "1900002 columns, more than 100"),
        (CSV, "title\nx" + "," * 1_900_000 + "\n", "1900001 columns, more than 100"),
        (JSON, {"dataframe_records": [{"title": "x", f"c{place}": 1} for place in range(20_000)]}, "20000 rows, more"),
        (JSON, {"instances": [{f"c{row}_{place}": 1 for place in range(240)} for row in range(200)]}, "48000 columns"),
        (JSON, {"dataframe_records": [[1] * 90_000]}, "90000 columns"),
        (JSON, {"dataframe_split": {"columns": ["a"] * 40_000, "data": [[1] * 40_000]}}, "40000 columns"),
        (JSON, {"dataframe_split": {"columns": ["title"], "data": [["x"]] * 40_000}}, "40000 rows"),
        (JSON, {"inputs": {"title": "x", **{f"c{place}": [1] for place in range(30_000)}}}, "30001 columns"),
        (JSON, {"inputs": {"title": ["x"] * 201}}, "201 rows"),
        (CSV, "title\n" + "x\n" * 1_900_000, "201 rows, more than 200"),
    ],
)
def test_a_bomb_of_rows_or_columns_is_refused_at_once(kind: str, body: Any, message: str) -> None:
    start = time.process_time()
    with pytest.raises(RefusedError, match=message):
        read(kind, body)
    assert time.process_time() - start < 2


def test_as_much_as_is_allowed_is_read() -> None:
    names = ["title", *(f"other {place}" for place in range(99))]
    table = read(CSV, ",".join(names) + "\n" + ",".join(["x"] * 100) + "\n")
    assert table.shape == (1, 100)
    assert len(read(JSON, {"dataframe_records": [{"title": "x", "n": 1}] * 200})) == 200


def test_a_table_as_csv_may_be_written_in_many_ways() -> None:
    long = "x" * 200_000  # a photo as text is longer than what Python's reader takes by itself
    text = f'\ufefftitle,question_id\r\n"a, ""b""\r\nc",1\r\n\r\n{long},2\r\n'
    assert read(CSV, text).to_dict("list") == {"title": ['a, "b"\r\nc', long], "question_id": [1, 2]}
    assert read(CSV, "question_id,title\n007,\nINC-1,y\n").fillna("").to_dict("list") == {
        "question_id": ["007", "INC-1"],
        "title": ["", "y"],
    }


def test_a_row_with_more_fields_than_names_is_refused() -> None:
    # pandas takes the first as an index: the title would be what was meant as body.
    with pytest.raises(RefusedError, match="row 1 has 3 fields, the line of names 2"):
        read(CSV, "title,body\nfirst,second,third\n")


def test_a_short_table_leaves_others_in_this_process_as_long_as_they_may_be() -> None:
    before = csv.field_size_limit()
    read(CSV, "title\nx\n")
    assert csv.field_size_limit() >= before >= 131_072
