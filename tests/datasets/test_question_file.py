"""New questions from CSV and Parquet, as people have them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DatasetError

from triptych.datasets import QuestionFileDataset

ROWS: dict[str, list[Any]] = {
    "question_id": [3, 7],
    "title": ['Quoted, "title"', "Ünï雪"],
    "body": ["<p>two\nlines</p>", ""],
}


def write(path: Path, columns: dict[str, list[Any]]) -> Path:
    table = pd.DataFrame(columns)
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    return path


def load(path: Path) -> list[list[object]]:
    table = QuestionFileDataset(filepath=path).load()
    assert list(table.columns) == ["question_id", "title", "body"]
    assert str(table["question_id"].dtype) == "int64"
    return [list(row) for row in table.itertuples(index=False)]


@pytest.mark.parametrize("name", ["q.csv", "q.csv.gz", "q.parquet"])
def test_every_form_is_read(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {**ROWS, "other": [1, 2]})
    assert load(path) == [[3, ROWS["title"][0], "<p>two\nlines</p>"], [7, "Ünï雪", ""]]
    assert QuestionFileDataset(filepath=path).exists()


@pytest.mark.parametrize("name", ["q.csv", "q.parquet"])
@pytest.mark.parametrize("column", ["title", "body"])
def test_one_text_and_no_ids_are_enough(tmp_path: Path, name: str, column: str) -> None:
    found = load(write(tmp_path / name, {column: ["a", None, "c"]}))
    place = ["title", "body"].index(column) + 1
    assert [row[0] for row in found] == [1, 2, 3]
    assert [row[place] for row in found] == ["a", "", "c"]
    assert {row[3 - place] for row in found} == {""}


def test_texts_stay_as_they_were_typed(tmp_path: Path) -> None:
    texts = ["null", "NaN", "None", "NA", "1.10", "007", "true", "-"]
    assert [row[1] for row in load(write(tmp_path / "q.csv", {"title": texts}))] == texts
    assert [row[2] for row in load(write(tmp_path / "q.csv", {"body": ["1.10", "2"]}))] == ["1.10", "2"]


def test_a_mark_at_the_start_of_the_file_is_no_part_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_bytes(b"\xef\xbb\xbftitle,body\na,b\n")
    assert load(path) == [[1, "a", "b"]]


@pytest.mark.parametrize("name", ["q.csv", "q.parquet"])
def test_ids_may_be_text(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"question_id": ["INC-1", "007"], "title": ["a", "b"]})
    assert QuestionFileDataset(filepath=path).load()["question_id"].tolist() == ["INC-1", "007"]


def test_no_rows_are_no_questions(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("title,body\n")
    assert load(path) == []


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        ("q.csv", {"text": ["a"]}, r"q\.csv: columns are \['text'\]: title or body is needed"),
        ("q.csv", {"question_id": ["x", None], "title": ["a", "b"]}, r"q\.csv: question_id is empty in row 2"),
        ("q.parquet", {"question_id": [1, None], "title": ["a", "b"]}, r"question_id is empty in row 2"),
        ("q.parquet", {"question_id": [1.5, 2.0], "title": ["a", "b"]}, r"question_id 1.5 is neither"),
        ("q.csv", {"question_id": [4, 5, 4], "title": ["a", "b", "c"]}, r"question_id 4 occurs twice"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, name: str, columns: dict[str, list[Any]], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        load(write(tmp_path / name, columns))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.csv", b""),
        ("q.csv", b'title\n"never closed\n'),
        ("q.csv", b"title\n\xff\xfe\n"),
        ("q.csv.gz", b"no gzip"),
        ("q.csv.gz", gzip.compress(b"title\nabc\n" * 50, mtime=0)[:-20]),
        ("q.parquet", b"no parquet"),
        ("q.xlsx", b"PK\x03\x04\x00\xff"),
    ],
)
def test_unreadable_files_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=name):
        load(tmp_path / name)


def test_a_missing_file_says_how_to_give_one(tmp_path: Path) -> None:
    dataset = QuestionFileDataset(filepath=tmp_path / "none.csv")
    assert not dataset.exists()
    with pytest.raises(DatasetError, match=r"none\.csv does not exist.*--params faq_questions=FILE"):
        dataset.load()


def test_it_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="never written"):
        QuestionFileDataset(filepath=tmp_path / "q.csv").save(pd.DataFrame(ROWS))
    assert list(tmp_path.iterdir()) == []
