"""From raw posts to questions, pairs and answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.faq.conftest import Sample
from tests.faq.dumps import link, row, write_dump
from triptych.datasets.parquet_batches import ParquetBatchesDataset
from triptych.datasets.question_source import StackExchangeDataset
from triptych.faq.dump.posts import PostSelection
from triptych.faq.pairs.links import describe_data, filter_pairs
from triptych.faq.params import FilterParams
from triptych.faq.text.questions import read_answers, read_questions
from triptych.pipelines.faq.nodes import clean_questions

Read = Callable[..., tuple[Any, pd.DataFrame]]


def ask(post_id: int, title: str = "Title", body: str = "<p>Some words</p>", **more: object) -> bytes:
    return row(Id=post_id, PostTypeId=1, Title=title, Body=body, Tags="<a><b>", Score=1, **more)


def reply(post_id: int, parent: int, score: int) -> bytes:
    return row(Id=post_id, PostTypeId=2, ParentId=parent, Score=score, Body=f"<p>answer {post_id}</p><pre>x</pre>")


POSTS = [
    ask(1, AcceptedAnswerId=12, CreationDate="2018-03-12T17:00:45.567"),
    ask(2, AcceptedAnswerId=99),
    ask(3, title="No answers at all [duplicate]", body="<p>Use <code>x</code></p><pre><code>y();</code></pre>"),
    ask(4),
    ask(5, title="abc", body="<pre><code>only code here</code></pre>"),
    ask(6),
    ask(7),
    ask(8, title="", body=""),
    reply(11, 1, 50),
    reply(12, 1, -3),
    reply(21, 2, 5),
    reply(22, 2, 7),
    reply(23, 2, 7),
    reply(41, 4, 0),
]
LINKS = [link(4, 1), link(5, 1), link(6, 1), link(7, 2), link(8, 3)]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(posts: list[bytes] = POSTS, links: list[bytes] = LINKS) -> tuple[Any, pd.DataFrame]:
        source = StackExchangeDataset(filepath=write_dump(tmp_path / "dump", posts, links)).load()
        dataset = ParquetBatchesDataset(filepath=tmp_path / "posts.parquet")
        dataset.save(source.read_posts(PostSelection(workers=1)))
        return dataset.load(), source.read_links()

    return read


def test_questions_are_cleaned(read: Read) -> None:
    posts, _ = read()
    questions = read_questions(posts).set_index("question_id")
    assert sorted(questions.index) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert questions.loc[[3], ["title", "text", "code", "tags"]].to_numpy().ravel().tolist() == [
        "No answers at all",
        "Use x",
        "y();\nx",
        "a b",
    ]
    assert (questions.loc[[8], ["title", "text", "code"]] == "").all(axis=None)
    assert questions["accepted_answer_id"].to_dict() == {1: 12, 2: 99, **dict.fromkeys(range(3, 9), -1)}
    assert questions.loc[1, "created"] == pd.Timestamp("2018-03-12T17:00:45.567")
    assert questions["created"].isna().sum() == 7


def test_the_accepted_answer_wins_else_the_score_else_the_age(read: Read) -> None:
    posts, _ = read()
    questions = read_questions(posts)
    answers = read_answers(posts, questions)
    # 12 is accepted against a better score; 99 is not there, so the first of the two best is taken.
    assert answers[["question_id", "answer_id", "accepted", "score"]].to_numpy().tolist() == [
        [1, 12, True, -3],
        [2, 22, False, 7],
    ]
    assert answers[["html", "text"]].to_numpy()[0].tolist() == ["<p>answer 12</p><pre>x</pre>", "answer 12"]
    assert read_answers(posts, questions[questions["question_id"] == 2])["answer_id"].tolist() == [22]


COUNTS = {
    "links": 5,
    "pairs_resolved": 5,
    "pairs_long_enough": 4,
    "pairs_with_required_answer": 4,
    "pairs": 4,
    "originals": 2,
}


@pytest.mark.parametrize(
    ("params", "pairs", "changes"),
    [
        # Question 8 has no text; without that its original has no duplicate.
        (FilterParams(), {4: 1, 5: 1, 6: 1, 7: 2}, {}),
        (FilterParams(min_text_chars=0), {4: 1, 5: 1, 6: 1, 7: 2}, {}),
        (FilterParams(min_text_chars=3), {4: 1, 5: 1, 6: 1, 7: 2}, {}),
        # Code does not count: question 5 has three characters of text.
        (
            FilterParams(min_text_chars=4),
            {4: 1, 6: 1, 7: 2},
            {"pairs_long_enough": 3, "pairs_with_required_answer": 3, "pairs": 3},
        ),
        (
            FilterParams(min_text_chars=16),
            {},
            {"pairs_long_enough": 0, "pairs_with_required_answer": 0, "pairs": 0, "originals": 0},
        ),
        (FilterParams(require_accepted_answer=True), {4: 1, 5: 1, 6: 1, 7: 2}, {}),
        (FilterParams(min_duplicates=2), {4: 1, 5: 1, 6: 1}, {"pairs": 3, "originals": 1}),
        (FilterParams(min_duplicates=4), {}, {"pairs": 0, "originals": 0}),
    ],
)
def test_filters_drop_and_count(
    read: Read, params: FilterParams, pairs: dict[int, int], changes: dict[str, int]
) -> None:
    posts, links = read()
    found, counts = filter_pairs(read_questions(posts), links, params)
    assert dict(found.itertuples(index=False, name=None)) == pairs
    assert counts == {**COUNTS, **changes}


def test_originals_without_an_accepted_answer_may_be_dropped(read: Read) -> None:
    posts, links = read([*POSTS[:1], ask(2), *POSTS[2:]])
    pairs, counts = filter_pairs(read_questions(posts), links, FilterParams(require_accepted_answer=True))
    assert set(pairs["original_id"]) == {1}
    assert counts["pairs_with_required_answer"] == 3


def test_the_report_adds_up(read: Read) -> None:
    posts, links = read()
    questions, pairs, answers, report = clean_questions(posts, links, FilterParams())
    assert report["ingest"] == posts.metadata
    assert report["clean"] == {
        **COUNTS,
        "questions": 8,
        "background_questions": 2,
        "answers": 2,
        "originals_without_answer": 0,
        "duplicates_per_original": {"median": 2.0, "max": 3},
    }
    assert set(answers["question_id"]) == set(pairs["original_id"])
    without = describe_data(questions, pairs, answers.head(1), {})
    assert without["originals_without_answer"] == 1
    assert describe_data(questions, pairs.head(0), answers, {})["duplicates_per_original"] == {"median": 0.0, "max": 0}


def test_no_pair_left_says_what_to_loosen(read: Read) -> None:
    posts, links = read()
    with pytest.raises(ValueError, match=r"no duplicate pair is left of 5 links between 8 questions .*faq\.filter"):
        clean_questions(posts, links, FilterParams(min_duplicates=4))
    posts, links = read(POSTS, [link(1, 2, kind=1)])
    with pytest.raises(ValueError, match="no duplicate pair is left of 0 links"):
        clean_questions(posts, links, FilterParams())


def test_the_sample_is_whole(sample: Sample) -> None:
    raw = sample.raw
    assert len(sample.questions) == (raw["kind"] == "question").sum()
    assert len(sample.pairs) == 308
    assert sample.pairs.groupby("original_id").size().tolist() == [7] * 44
    assert set(sample.answers["question_id"]) >= set(sample.pairs["original_id"])
