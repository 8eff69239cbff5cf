"""Rank the test questions of a fold with every ranker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.pipelines.faq.features import BASELINES
from triptych.pipelines.faq.ranker import score_candidates
from triptych.pipelines.faq.ranking import rank_right

if TYPE_CHECKING:
    import lightgbm as lgb


def rank_fold(
    features: pd.DataFrame, model: lgb.Booster, reference_scores: pd.DataFrame, originals: int
) -> pd.DataFrame:
    """Rank each test question's candidates with the model, the reference and single views.

    Args:
        features: Rows of one fold.
        model: The fold's ranker.
        reference_scores: Columns `question_id`, `candidate_id`, `score`; empty if there are none.
        originals: Originals in the FAQ: the rank of an original that was not retrieved.

    Returns:
        Columns `fold`, `test_set`, `question_id`, `original_id` (-1 if it was not retrieved), `candidates`,
        `first_id` (the model's first), and `rank.<ranker>`; a row a question.
    """
    tested = features[features["role"].str.startswith("test_")].reset_index(drop=True)
    scores = {"model": score_candidates(model, tested)}
    if len(reference_scores):
        keys = ["question_id", "candidate_id"]
        joined = tested[keys].merge(reference_scores, on=keys, how="left", validate="one_to_one")
        scores["reference"] = joined["score"].to_numpy()
    scores |= {name: tested[column].to_numpy(np.float64) for name, column in BASELINES.items()}
    first_row = ~tested["query"].duplicated()
    query = np.cumsum(first_row.to_numpy()) - 1
    table = tested.loc[first_row, ["fold", "role", "question_id"]].reset_index(drop=True)
    table["role"] = table["role"].str.removeprefix("test_")
    table = table.rename(columns={"role": "test_set"})
    table["original_id"] = _pick(tested, query, (tested["label"] == 1).to_numpy(), len(table))
    table["candidates"] = np.bincount(query)
    order = np.lexsort((tested["candidate_id"], -scores["model"], query))
    table["first_id"] = tested["candidate_id"].to_numpy()[order][first_row.to_numpy()]
    for name, score in scores.items():
        table[f"rank.{name}"] = rank_right(query, tested["label"].to_numpy(), score, originals)
    return table


def _pick(tested: pd.DataFrame, query: NDArray[np.int64], right: NDArray[np.bool_], size: int) -> NDArray[np.int64]:
    picked = np.full(size, -1, dtype=np.int64)
    picked[query[right]] = tested.loc[right, "candidate_id"]
    return picked
