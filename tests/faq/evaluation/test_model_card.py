"""The matcher's model card."""

from __future__ import annotations

import json

import pandas as pd
import plotly.graph_objects as go

from tests.faq.corpora import make_questions
from triptych.faq.evaluation.model_card import (
    describe_ranker,
    make_tags,
    pick_example,
    write_report,
)

METRICS = {"unseen.model.mrr": 0.52345, "unseen.model.mean_rank": 4.0, "unseen.bm25.mrr": 0.4}


def test_the_example_is_of_test_questions_where_there_are_any() -> None:
    questions = make_questions({1: "a b c d", 2: "e f g h", 3: "i j k l"})
    roles = pd.DataFrame({"question_id": [1, 2, 3], "role": ["train", "test_known", "train"]})
    example = pick_example(questions, roles)
    assert example.to_dict("list") == {"title": ["e f g", "a b c"], "body": ["h", "d"]}


def test_the_report_is_whole_and_asks_nobody_for_scripts() -> None:
    report = write_report(METRICS, pd.DataFrame({"ranker": ["model"]}), go.Figure(), {"trained_on": [1]})
    assert json.loads(report["metrics.json"]) == METRICS
    assert report["comparison.csv"].splitlines() == ["ranker", "model"]
    assert json.loads(report["provenance.json"]) == {"trained_on": [1]}
    assert "<script src=" not in report["comparison.html"]
    assert "Plotly.newPlot" in report["comparison.html"]


def test_what_the_ranker_was_trained_with_is_named_as_kedro_mlflow_names_parameters() -> None:
    rankers = {"rounds": [40, 50], "mix": [[0.5, 2.0], [1.0, 1.0]], "threshold": [0.3, 0.4]}
    assert describe_ranker(rankers | {"settings": {"num_leaves": 5, "rounds": 100}}) == {
        "faq.model.num_leaves": 5,
        "faq.model.rounds": 40,
        "faq.model.lambdarank_weight": 0.5,
        "faq.model.linear_weight": 2.0,
        "faq.model.match_threshold": 0.3,
    }


def test_tags_tell_versions_apart_at_a_glance() -> None:
    tags = make_tags(METRICS, "abc")
    assert tags["data_fingerprint"] == "abc"
    assert tags["unseen.model.mrr"] == "0.5234"
    assert not {"unseen.model.mean_rank", "unseen.bm25.mrr"} & set(tags)
    assert all(isinstance(value, str) for value in tags.values())
