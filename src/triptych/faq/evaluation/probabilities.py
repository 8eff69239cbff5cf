"""How far the probability of a match can be trusted, on test questions and on questions whose original is not there.

Figures are weighed so that as many questions have their original as `faq.probability.match_share` expects.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.ranking.features import find_described
from triptych.faq.ranking.match_probability import share_candidates, weigh_questions
from triptych.faq.ranking.plans import ABSENT_TEST, TESTED
from triptych.faq.ranking.training import TrainedRanker, count_candidates

BINS = 10


def estimate_fold(features: pd.DataFrame, trained: TrainedRanker, match_share: float) -> pd.DataFrame:
    """Estimate the probability of each test question's first candidate.

    Args:
        features: Rows of one fold; those of test questions, and of questions that have no match, are used.
        trained: The fold's ranker.
        match_share: Share of questions that have a match.

    Returns:
        Columns `fold`, `test_set` (`known`, `unseen`, `absent`), `question_id`, `first_id`, `probability`, `is_right`,
        `threshold`, and `weight`, which sums to 1.
    """
    rows = features[features["role"].isin([*TESTED, ABSENT_TEST])].reset_index(drop=True)
    values, sizes = rows[find_described(rows.columns)].to_numpy(np.float32), count_candidates(rows)
    scores = trained.ranker.score(values)
    probability = trained.probability.estimate(values, scores, sizes)
    # Of equal scores the smaller id comes first, as in a match.
    first = share_candidates(scores, sizes, rows["candidate_id"].to_numpy())[1]
    table = rows.loc[first, ["fold", "role", "question_id", "candidate_id", "label"]].reset_index(drop=True)
    absent = (table["role"] == ABSENT_TEST).to_numpy()
    return pd.DataFrame(
        {
            "fold": table["fold"],
            "test_set": np.where(absent, "absent", table["role"].str.removeprefix("test_")),
            "question_id": table["question_id"],
            "first_id": table["candidate_id"],
            "probability": probability[first],
            "is_right": table["label"] == 1,
            "threshold": trained.probability.threshold,
            "weight": weigh_questions(absent, match_share),
        }
    )


def estimate_chunks(chunks: Iterable[pd.DataFrame], trained: TrainedRanker, match_share: float) -> pd.DataFrame:
    """Do the same as `estimate_fold`, with the rows of some questions at a time."""
    table = pd.concat([estimate_fold(rows, trained, match_share) for rows in chunks], ignore_index=True)
    return table.assign(weight=weigh_questions((table["test_set"] == "absent").to_numpy(), match_share))


def summarize_probabilities(table: pd.DataFrame) -> dict[str, float]:
    """Give calibration errors, and what the threshold does.

    Args:
        table: Columns `test_set`, `probability`, `is_right`, `threshold`, `weight`.

    Returns:
        `probability.ece`: expected calibration error over ten bins (Guo et al., "On calibration of modern neural
        networks", ICML 2017); `probability.brier`: mean squared error (Brier, 1950); `probability.threshold`: mean of
        the folds; `probability.coverage`: share of the questions that get a match; `probability.precision`: share of
        the matches that are right; `probability.right_kept`: share of the right first candidates that are called a
        match; `probability.absent_matched`: share of the questions without an original that get one all the same.
    """
    weight, right = table["weight"].to_numpy(), table["is_right"].to_numpy()
    probability = table["probability"].to_numpy()
    matched = probability >= table["threshold"].to_numpy()
    absent = (table["test_set"] == "absent").to_numpy()
    bins = bin_probabilities(table)
    figures = {
        "ece": float((bins["weight"] * (bins["probability"] - bins["right"]).abs()).sum() / weight.sum()),
        "brier": float(np.average((probability - right) ** 2, weights=weight)),
        "threshold": float(table["threshold"].mean()),
        "coverage": _share(matched, np.full(len(table), True), weight),
        "precision": _share(right, matched, weight),
        "right_kept": _share(matched, right, weight),
        "absent_matched": _share(matched, absent, weight),
    }
    return {f"probability.{name}": value for name, value in figures.items()}


def bin_probabilities(table: pd.DataFrame) -> pd.DataFrame:
    """Average the probability, and how many are right, in ten bins of equal width.

    Returns:
        Columns `probability`, `right`, `weight`, `questions`; a row a bin that has any.
    """
    number = np.minimum((table["probability"].to_numpy() * BINS).astype(np.int64), BINS - 1)
    weight = table["weight"].to_numpy()
    sums = pd.DataFrame(
        {
            "probability": table["probability"] * weight,
            "right": table["is_right"] * weight,
            "weight": weight,
            "questions": 1,
        }
    )
    bins = sums.groupby(number).sum()
    return bins.assign(probability=bins["probability"] / bins["weight"], right=bins["right"] / bins["weight"])


def trace_coverage(table: pd.DataFrame) -> pd.DataFrame:
    """List what each threshold gives, from the highest to the lowest.

    Returns:
        Columns `threshold`, `coverage`, `precision`, `right_kept`.
    """
    ordered = table.sort_values("probability", ascending=False, kind="stable")
    weight = ordered["weight"].to_numpy()
    covered, right = np.cumsum(weight), np.cumsum(weight * ordered["is_right"].to_numpy())
    curve = pd.DataFrame(
        {
            "threshold": ordered["probability"].to_numpy(),
            "coverage": covered / covered[-1],
            "precision": right / covered,
            "right_kept": right / max(right[-1], 1e-12),
        }
    )
    # Equal probabilities pass a threshold together.
    return curve.drop_duplicates("threshold", keep="last").reset_index(drop=True)


def _share(what: NDArray[np.bool_], among: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    total = float(weight[among].sum())
    return float(weight[among & what].sum()) / total if total else 0.0
