"""Ranks of a fold against sorting each question's candidates by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from triptych.pipelines.faq.evaluation import rank_fold
from triptych.pipelines.faq.features import BASELINES
from triptych.pipelines.faq.params import RankerParams
from triptych.pipelines.faq.ranker import score_candidates, train_booster

ORIGINALS = 15


@pytest.fixture(scope="module")
def fold(features: pd.DataFrame) -> pd.DataFrame:
    """Return the candidates of a fold; the first test question's right original was not retrieved."""
    table = features.assign(fold=2)
    first = table.loc[table["role"].str.startswith("test_"), "query"].min()
    kept: pd.DataFrame = table.loc[(table["query"] != first) | (table["label"] == 0)]
    return kept


def test_ranks_are_those_of_sorted_candidates(fold: pd.DataFrame) -> None:
    model = train_booster(fold, RankerParams(rounds=5, min_child_samples=5, threads=1))
    tested = fold[fold["role"].str.startswith("test_")]
    rng = np.random.default_rng(0)
    reference = tested[["question_id", "candidate_id"]].assign(score=rng.random(len(tested)))
    ranks = rank_fold(fold, model, reference.sample(frac=1, random_state=0), ORIGINALS)
    scores = {"model": score_candidates(model, tested), "reference": reference["score"].to_numpy()}
    scores |= {name: tested[column].to_numpy() for name, column in BASELINES.items()}
    assert [c.removeprefix("rank.") for c in ranks.columns if c.startswith("rank.")] == list(scores)
    assert ranks["question_id"].tolist() == tested["question_id"].drop_duplicates().tolist()
    assert (ranks["fold"] == 2).all()
    for _, row in ranks.iterrows():
        own = tested["question_id"].to_numpy() == row["question_id"]
        label = tested["label"].to_numpy()[own] == 1
        candidates = tested["candidate_id"].to_numpy()[own]
        assert row["test_set"] == tested["role"].to_numpy()[own][0].removeprefix("test_")
        assert row["candidates"] == own.sum()
        assert row["original_id"] == (candidates[label][0] if label.any() else -1)
        for name, score in scores.items():
            mine = score[own]
            expected = (mine >= mine[label][0]).sum() if label.any() else ORIGINALS
            assert row[f"rank.{name}"] == expected, name
        best = scores["model"][own]
        assert row["first_id"] == candidates[best == best.max()].min()
    assert (ranks["original_id"] == -1).sum() == 1
    assert set(ranks["test_set"]) == {"known", "unseen"}


def test_without_the_reference_it_is_left_out(fold: pd.DataFrame) -> None:
    model = train_booster(fold, RankerParams(rounds=2, min_child_samples=5, threads=1))
    none = pd.DataFrame({"question_id": [], "candidate_id": [], "score": []})
    columns = rank_fold(fold, model, none, ORIGINALS).columns
    assert "rank.reference" not in columns
    assert {"rank.model", "rank.bm25"} <= set(columns)


def test_a_candidate_the_reference_did_not_score_is_an_error(fold: pd.DataFrame) -> None:
    model = train_booster(fold, RankerParams(rounds=2, min_child_samples=5, threads=1))
    tested = fold[fold["role"].str.startswith("test_")]
    scores = tested[["question_id", "candidate_id"]].assign(score=0.5)
    with pytest.raises(ValueError, match="1 scores are not finite"):
        rank_fold(fold, model, scores.iloc[1:], ORIGINALS)
