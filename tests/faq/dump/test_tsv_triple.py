from __future__ import annotations

import csv
import gzip
import io
import logging
import pickle
import string
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kedro.io import DatasetError

from tests.faq.dumps import read_all
from triptych.datasets.question_source import QuestionTsvDataset
from triptych.errors import InputError
from triptych.faq.dump.posts import PostSelection, QuestionSource
from triptych.faq.dump.report import BrokenRows
from triptych.faq.dump.tsv_triple import read_records

ORIGINALS = '1\t11\tHow to "quote"?\t2012-01-02 03:04:05.678\n2\t12\tUnlinked\t2012-01-02\n'
DUPLICATES = "5\t11\tQuoting é\t2013-01-02 03:04:05\n6\t99\tNo original\tnever\n"
ANSWERS = "11\t<p>So</p>\n12\tUnlinked answer\n13\tNobody's\n"


def write_triple(
    folder: Path,
    originals: str = ORIGINALS,
    duplicates: str = DUPLICATES,
    answers: str = ANSWERS,
    packed: bool = True,
) -> Path:
    for name, text in (("orig-q", originals), ("dup-q", duplicates), ("ans", answers)):
        data = text.encode()
        if packed:
            (folder / f"{name}.tsv.gz").write_bytes(gzip.compress(data))
        else:
            (folder / f"{name}.tsv").write_bytes(data)
    return folder


@pytest.mark.parametrize("packed", [True, False])
def test_round_trip(tmp_path: Path, packed: bool, caplog: pytest.LogCaptureFixture) -> None:
    source = QuestionTsvDataset(filepath=write_triple(tmp_path, packed=packed)).load()
    assert isinstance(source, QuestionSource)
    links = source.read_links()
    assert links[["duplicate_id", "original_id"]].to_numpy().tolist() == [[5, 1]]
    assert [str(kind) for kind in links.dtypes] == ["int64", "int64", "datetime64[ns]"]
    stream = source.read_posts(PostSelection(tags=("javascript",)))
    with caplog.at_level(logging.WARNING):
        posts = read_all(stream)
    assert [(post["id"], post["kind"], post["parent_id"], post["accepted_answer_id"]) for post in posts] == [
        (1, "question", None, 11),
        (2, "question", None, 12),
        (5, "question", None, 11),
        (6, "question", None, 99),
        (11, "answer", 1, None),
    ]
    assert posts[0]["body"] == 'How to "quote"?'
    assert posts[0]["created"] == pd.Timestamp("2012-01-02T03:04:05.678")
    assert posts[2]["body"] == "Quoting é"
    assert posts[3]["created"] is None
    assert {(post["title"], post["tags"]) for post in posts} == {(None, "")}
    report = stream.metadata
    expected = {"rows": 7, "questions": 4, "answers": 3, "kept_questions": 4, "kept_answers": 1}
    expected |= {"unmatched_duplicates": 1, "broken_rows": 0}
    assert {key: report[key] for key in expected} == expected
    assert "1 duplicates have an AnswerId that no original question has" in caplog.text


@pytest.mark.parametrize(("every", "ids"), [(0, [1, 5, 11]), (2, [1, 2, 5, 6, 11]), (3, [1, 5, 6, 11])])
def test_background(tmp_path: Path, every: int, ids: list[int]) -> None:
    source = QuestionTsvDataset(filepath=write_triple(tmp_path)).load()
    assert [post["id"] for post in read_all(source.read_posts(PostSelection(background_every=every)))] == ids


TEXT = st.text(string.ascii_letters + string.punctuation + " \t\n\r\"'é雪", max_size=30).map(str.rstrip)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXT, min_size=1, max_size=10))
def test_what_pandas_writes_is_read_back(tmp_path: Path, texts: list[str]) -> None:
    frame = pd.DataFrame({"Id": range(1, len(texts) + 1), "Text0": texts})
    frame.to_csv(tmp_path / "ans.tsv.gz", sep="\t", header=False, index=False)
    broken = BrokenRows()
    records = list(read_records(tmp_path / "ans.tsv.gz", ("Id", "Text0"), broken))
    assert [record.fields["Text0"] for record in records] == texts
    assert [int(record.fields["Id"]) for record in records] == frame["Id"].tolist()
    assert broken.count == 0


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text('0\t"\nx', max_size=60), st.integers(0, 5))
def test_a_bad_line_never_loses_the_others(tmp_path: Path, junk: str, place: int) -> None:
    """A well-formed row whose neighbours hold no quotes of their own is always read."""
    lines = [f"{number}\tgood\n" for number in range(100, 106)]
    lines[place] = junk.replace("\n", "") + "\n"
    (tmp_path / "ans.tsv").write_text("999\tfirst\n" + "".join(lines), newline="")
    found = {record.fields["Id"] for record in read_records(tmp_path / "ans.tsv", ("Id", "Text0"), BrokenRows())}
    assert found >= {str(number) for number in range(100, 106) if number != 100 + place}


def test_broken_rows_are_counted_with_their_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    originals = ORIGINALS + "\t1\ttext\t2012-01-01\n3\t1\n" + '4\t14\t"two\nlines"\t2012-01-01\n7\t\t\t\n'
    source = QuestionTsvDataset(filepath=write_triple(tmp_path, originals)).load()
    stream = source.read_posts(PostSelection())
    with caplog.at_level(logging.WARNING):
        posts = {post["id"]: post for post in read_all(stream)}
    assert posts[4]["body"] == "two\nlines"
    path = str(tmp_path / "orig-q.tsv.gz")
    assert [(broken["file"], broken["line"]) for broken in stream.metadata["first_broken_lines"]] == [
        (path, 3),
        (path, 4),
        (path, 7),
    ]
    assert (stream.metadata["broken_rows"], stream.metadata["rows"]) == (3, 11)
    assert sum(f"{path}, line" in record.getMessage() for record in caplog.records) == 3


TICKETS = "INC-1\tKB 9\tHow to reset?\t2012-01-02\n7\tKB-2\tPrinter\t2012-01-02\n007\t12\tSpare\t2012-01-02\n"
REPEATS = "INC-5\tKB 9\tReset it\t2013-01-02\n4000000000\tKB-2\tPrints nothing\t2013-01-02\n"


def test_ids_may_be_text_and_whole_numbers_stay_what_they_are(tmp_path: Path) -> None:
    answers = "KB 9\tHold the button\nKB-2\tAdd paper\nnobody's\tx\n"
    source = QuestionTsvDataset(filepath=write_triple(tmp_path, TICKETS, REPEATS, answers)).load()
    names = source.read_names()
    assert names["id"].is_monotonic_increasing
    assert sorted(names["name"]) == ["007", "INC-1", "INC-5", "KB 9", "KB-2"]
    number = dict(zip(names["name"], names["id"], strict=True))
    links = source.read_links()
    expected = {(number["INC-5"], number["INC-1"]), (4_000_000_000, 7)}
    assert set(links[["duplicate_id", "original_id"]].itertuples(index=False, name=None)) == expected
    posts = read_all(source.read_posts(PostSelection()))
    assert [(post["id"], post["parent_id"], post["accepted_answer_id"]) for post in posts] == [
        (number["INC-1"], None, number["KB 9"]),
        (7, None, number["KB-2"]),
        (number["007"], None, 12),
        (number["INC-5"], None, number["KB 9"]),
        (4_000_000_000, None, number["KB-2"]),
        (number["KB 9"], number["INC-1"], None),
        (number["KB-2"], 7, None),
    ]
    # A handle that was sent elsewhere numbers them alike.
    again = pickle.loads(pickle.dumps(source))  # noqa: S301 - ours
    assert again.read_links().equals(links)
    assert again.read_names().equals(names)


def test_of_posts_with_the_same_text_as_id_the_first_is_kept(tmp_path: Path) -> None:
    source = QuestionTsvDataset(filepath=write_triple(tmp_path, TICKETS + TICKETS, REPEATS, ANSWERS)).load()
    stream = source.read_posts(PostSelection())
    assert len(read_all(stream)) == 5
    assert stream.metadata["duplicate_ids"] == 3


def test_long_text_is_kept(tmp_path: Path) -> None:
    text = "x" * 500_000
    source = QuestionTsvDataset(filepath=write_triple(tmp_path, f"1\t11\t{text}\t2012-01-01\n")).load()
    assert read_all(source.read_posts(PostSelection()))[0]["body"] == text


def test_never_closed_quote_loses_one_row(tmp_path: Path) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter="\t", lineterminator="\n").writerows([(number, "text") for number in range(3, 9)])
    answers = '1\tone\n2\t"never closed\n' + buffer.getvalue()
    (tmp_path / "ans.tsv").write_text(answers)
    broken = BrokenRows()
    found = [record.fields["Id"] for record in read_records(tmp_path / "ans.tsv", ("Id", "Text0"), broken)]
    assert found == list("1345678")
    assert [(row["line"], broken.count) for row in broken.first] == [(2, 1)]


@pytest.mark.parametrize(
    ("originals", "message"),
    [
        (
            "Id\tAnswerId\tText0\tCreationDate\n" + ORIGINALS,
            "header row. Remove it; expected 4 tab-separated",
        ),
        (ORIGINALS.replace("\t", ","), "no tab"),
        ("1\ttext\n2\ttext\n", "wrong schema: none of its 2 rows can be read"),
    ],
)
def test_wrong_file(tmp_path: Path, originals: str, message: str) -> None:
    source = QuestionTsvDataset(filepath=write_triple(tmp_path, originals)).load()
    with pytest.raises(InputError, match=rf"orig-q\.tsv\.gz: .*{message}"):
        source.read_links()


def test_latin1_is_refused_with_its_line(tmp_path: Path) -> None:
    write_triple(tmp_path)
    (tmp_path / "ans.tsv.gz").write_bytes(gzip.compress(ANSWERS.encode() + "14\tcafé\n".encode("latin1")))
    stream = QuestionTsvDataset(filepath=tmp_path).load().read_posts(PostSelection())
    with pytest.raises(InputError, match=r"ans\.tsv\.gz, line 4: not UTF-8"):
        read_all(stream)


def test_truncated_file(tmp_path: Path) -> None:
    path = write_triple(tmp_path) / "orig-q.tsv.gz"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"orig-q\.tsv\.gz: truncated"):
        QuestionTsvDataset(filepath=tmp_path).load().read_links()


def test_missing_file_and_read_only(tmp_path: Path) -> None:
    (write_triple(tmp_path) / "ans.tsv.gz").unlink()
    dataset = QuestionTsvDataset(filepath=str(tmp_path))
    assert not dataset.exists()
    assert str(tmp_path) in str(dataset)
    with pytest.raises(DatasetError, match=r"No ans\.tsv\.gz in .*filepath"):
        dataset.load()
    with pytest.raises(DatasetError, match="read-only"):
        dataset.save("anything")  # type: ignore[arg-type]
