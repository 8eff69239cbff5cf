"""The baseline's pairs, and that it is repeatable and can be switched off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faq.corpora import make_pairs, topical_corpus
from triptych.faq.pairs.splitting import split_pairs
from triptych.faq.params import ReferenceParams, SplitParams
from triptych.faq.ranking.reference_method import ReferenceModel, draw_pairs, reference_texts, score_fold
from triptych.pipelines.faq.nodes import train_reference

PARAMS = ReferenceParams(match=4, rounds=10, min_child_samples=2, threads=1)
TRAIN = st.dictionaries(st.integers(100, 130), st.integers(1, 9), min_size=1, max_size=12).map(make_pairs)


@given(TRAIN, st.integers(2, 12), st.integers(0, 3))
def test_each_duplicate_meets_its_original_once_and_others(train: pd.DataFrame, match: int, seed: int) -> None:
    params = ReferenceParams(match=match, seed=seed)
    pairs = draw_pairs(train, params)
    originals = set(train["original_id"])
    for question, original in train.itertuples(index=False):
        own = pairs[pairs["question_id"] == question]
        assert own.loc[own["label"] == 1, "candidate_id"].tolist() == [original]
        others = own.loc[own["label"] == 0, "candidate_id"]
        assert len(others) == min(match, len(originals)) - 1
        assert others.is_unique
        assert set(others) <= originals - {original}
    pd.testing.assert_frame_equal(pairs, draw_pairs(train, params))


def test_others_are_drawn_evenly_and_by_seed() -> None:
    train = make_pairs({100 + i: i % 10 for i in range(1000)})
    pairs = draw_pairs(train, ReferenceParams(match=4))
    assert len(pairs) == 4000
    drawn = pairs[pairs["label"] == 0]["candidate_id"].value_counts()
    assert set(drawn.index) == set(range(10))
    assert drawn.between(240, 360).all()
    assert not pairs.equals(draw_pairs(train, ReferenceParams(match=4, seed=1)))


def test_texts_are_lower_case_prose() -> None:
    questions, _ = topical_corpus(originals=1, duplicates=1)
    questions["title"], questions["text"], questions["code"] = "Title É", "Some TEXT", "CODE"
    assert reference_texts(questions).to_dict() == {1000: "title é some text", 1001: "title é some text"}


def make_fold() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    questions, pairs = topical_corpus()
    roles = split_pairs(questions, pairs, SplitParams(), 1)
    tested = roles[roles["role"].str.startswith("test_")]
    asked = tested[["question_id"]].merge(roles[["original_id"]].drop_duplicates(), how="cross")
    return questions, roles, asked.rename(columns={"original_id": "candidate_id"})


def test_scores_are_probabilities_and_the_same_each_time() -> None:
    questions, roles, asked = make_fold()
    table, seconds = score_fold(questions, roles, asked, PARAMS)
    assert table.drop(columns="score").equals(asked)
    assert table["score"].between(0, 1).all()
    assert table["score"].nunique() > 5
    assert min(seconds) >= 0
    for threads in (1, 2):
        again, _ = score_fold(questions, roles, asked, PARAMS.replace(threads=threads))
        assert again["score"].tolist() == table["score"].tolist()
    # Scores belong to their rows, in whatever order these come.
    order = np.random.default_rng(0).permutation(len(asked))
    shuffled, _ = score_fold(questions, roles, asked.iloc[order], PARAMS)
    assert shuffled["score"].tolist() == table["score"].iloc[order].tolist()


def test_test_questions_are_not_learnt_from() -> None:
    questions, roles, asked = make_fold()
    table, _ = score_fold(questions, roles, asked, PARAMS)
    moved = roles.copy()
    tested = ~moved["role"].isin(["train", "tune"])
    moved.loc[tested, "original_id"] = moved.loc[tested, "original_id"].to_numpy()[::-1]
    assert score_fold(questions, moved, asked, PARAMS)[0].equals(table)


def test_weights_and_ngrams_reach_the_model() -> None:
    questions, roles, asked = make_fold()
    texts = reference_texts(questions)
    train = roles[roles["role"] == "train"]
    changes: dict[str, dict[str, Any]] = {"plain": {}, "unweighted": {"unweighted": True}, "pairs": {"ngrams": 2}}
    models = {name: ReferenceModel(PARAMS.replace(**change)).fit(texts, train) for name, change in changes.items()}
    mean = {name: model.score(texts, asked).mean() for name, model in models.items()}
    # A quarter of the rows match: weighing the classes equally lifts the probabilities.
    assert mean["plain"] > mean["unweighted"] + 0.05
    words = {name: len(model.original_tfidf.vocabulary_) for name, model in models.items()}
    assert words["pairs"] > words["plain"]
    assert models["plain"].classifier.n_estimators == PARAMS.rounds


@pytest.mark.parametrize("enabled", [True, False])
def test_the_node_scores_all_folds_or_none(enabled: bool, features: pd.DataFrame) -> None:
    questions, pairs = topical_corpus()
    roles = split_pairs(questions, pairs, SplitParams(), 1)
    params = PARAMS.replace(enabled=enabled)
    scores, report = train_reference(questions, roles, features.assign(fold=0), params, {})
    assert list(scores.columns) == ["fold", "question_id", "candidate_id", "score"]
    assert str(scores["score"].dtype) == "float64"
    asked = features[features["role"].str.startswith("test_")]
    assert len(scores) == (len(asked) if enabled else 0)
    assert report["settings"] == params.model_dump()
    assert (report["train_seconds"] > 0) == enabled
