"""Tickets with text for ids, from the raw tables to matches and misses."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.faq.corpora import make_questions, topical_corpus
from triptych.datasets.parquet_batches import ParquetBatchesDataset
from triptych.datasets.question_source import QuestionTsvDataset
from triptych.faq.dump.posts import PostSelection
from triptych.faq.entries import make_entries
from triptych.faq.evaluation.report import list_worst_misses
from triptych.faq.ids import FIRST_TEXT
from triptych.faq.matcher import FaqMatcher
from triptych.faq.pairs.links import filter_pairs
from triptych.faq.params import FilterParams, RetrievalParams
from triptych.faq.schemas import ANSWERS, LINKS, NAMES, PAIRS, QUESTIONS
from triptych.faq.text.questions import add_answers, read_answers, read_questions


def write_tickets(folder: Path) -> None:
    """Write the topical corpus as tables whose ids are INC-1000, and KB-1000 of answers."""
    questions, pairs = topical_corpus()
    original = dict(zip(pairs["question_id"], pairs["original_id"], strict=True))
    texts = dict(zip(questions["question_id"], questions["title"] + " " + questions["text"], strict=True))
    rows = {q: f"INC-{q}\tKB-{original.get(q, q)}\t{text}\t2012-01-02\n" for q, text in texts.items()}
    (folder / "orig-q.tsv").write_text("".join(row for q, row in rows.items() if q not in original))
    (folder / "dup-q.tsv").write_text("".join(row for q, row in rows.items() if q in original))
    (folder / "ans.tsv").write_text("".join(f"KB-{o}\tSee {o}\n" for o in sorted(set(original.values()))))


def test_tickets_come_back_by_their_names(matcher: FaqMatcher, tmp_path: Path) -> None:
    write_tickets(tmp_path)
    source = QuestionTsvDataset(filepath=tmp_path).load()
    posts = ParquetBatchesDataset(filepath=tmp_path / "posts.parquet")
    posts.save(source.read_posts(PostSelection(workers=1)))
    links, names, file = LINKS.validate(source.read_links()), NAMES.validate(source.read_names()), posts.load()
    questions = QUESTIONS.validate(read_questions(file))
    pairs = PAIRS.validate(filter_pairs(questions, links, FilterParams())[0])
    answers = ANSWERS.validate(read_answers(file, questions[questions["question_id"].isin(pairs["original_id"])]))
    assert (len(questions), len(pairs), len(answers)) == (75, 60, 15)
    assert (questions["question_id"] >= FIRST_TEXT).all()

    entries, params = make_entries(questions, pairs, answers), RetrievalParams(workers=1)
    built = FaqMatcher.build(add_answers(questions, answers), pairs, entries, matcher.trained, params, names)
    (tmp_path / "saved").mkdir()
    built.save(tmp_path / "saved")
    matches = FaqMatcher.load(tmp_path / "saved").match(make_questions({1: "topic3x topic3y array loop"}), top_k=15)
    assert matches.loc[0, "original_id"] == "INC-1030"
    assert sorted(matches["original_id"]) == [f"INC-{1000 + 10 * i}" for i in range(15)]
    assert (matches["answer_id"] == matches["original_id"].str.replace("INC", "KB")).all()
    assert (matches["answer"] == "See " + matches["original_id"].str.removeprefix("INC-")).all()

    ranks = pairs.assign(test_set="known", retrieved=True, first_id=pairs["original_id"])
    ranks["rank.model"] = np.arange(len(pairs)) + 1
    misses = list_worst_misses(ranks, questions, 5, names)
    for column in ("question_id", "original_id", "first_id"):
        assert misses[column].str.fullmatch(r"INC-1\d{3}").all()
