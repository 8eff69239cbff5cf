"""Decide whether a new ranker takes the place of the promoted one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triptych.faq.evaluation.metrics import Ranks, bootstrap_metrics, rank_right, summarize_ranks
from triptych.faq.params import EvaluationParams, RegistrationParams
from triptych.faq.ranking.feature_file import Features, iter_questions, list_columns, read_rows
from triptych.faq.ranking.features import find_features
from triptych.faq.ranking.plans import TESTED
from triptych.faq.ranking.ranker import Ranker
from triptych.registry import Decision, PromotedModel, UnreadableVersionError
from triptych.registry.provenance import fingerprint_ids

RANKER_FILE = "artifacts/matcher/ranker.json"
PROVENANCE_FILE = "provenance.json"
FIRST_FOLD = 0
"""The fold whose ranker the matcher has."""


def describe_provenance(features: Features, roles: pd.DataFrame, encoder: str | None = None) -> dict[str, Any]:
    """Note what a later version has to know to be compared fairly.

    Args:
        features: Candidates; the ranker was trained in the first fold.
        roles: The roles in that fold.
        encoder: Digest of the encoder that the features are of; None without one.

    Returns:
        `features` (names in order), `trained_on` (question ids), `test_fingerprint`, and `encoder` where there is one;
        JSON-able.
    """
    learned = roles.loc[roles["role"].isin(["train", "tune"]), "question_id"]
    tested = read_rows(features, FIRST_FOLD, TESTED, ["question_id"])["question_id"]
    return {
        "features": find_features(list_columns(features)),
        "trained_on": np.unique(learned).tolist(),
        "test_fingerprint": fingerprint_ids(tested.to_numpy(np.int64)),
        **({"encoder": encoder} if encoder else {}),
    }


def decide_promotion(
    ranker: Ranker,
    features: Features,
    roles: pd.DataFrame,
    promoted: PromotedModel | None,
    registration: RegistrationParams,
    evaluation: EvaluationParams,
    encoder: str | None = None,
) -> Decision:
    """Compare a ranker with the promoted one on the same candidates of the same test questions.

    Questions that the promoted one was trained on are left out: they would favour it.

    Args:
        ranker: The new ranker.
        features: Candidates; it was trained in the first fold.
        roles: The roles in that fold.
        promoted: The promoted version; None if there is none.
        registration: The metric, and the advantage it takes.
        evaluation: Resamples and seed of the bootstrap.
        encoder: Digest of the encoder that the features are of; None without one.
    """
    if promoted is None:
        return Decision(True, "no version was promoted yet")
    version = promoted.version
    try:
        provenance = json.loads(promoted.read_text(f"report/{PROVENANCE_FILE}"))
        if provenance["features"] != list(ranker.features) or provenance.get("encoder") != encoder:
            return Decision(True, f"version {version} ranks by other features and cannot be compared", version)
        current = Ranker.from_dict(json.loads(promoted.read_text(RANKER_FILE)))
    except (UnreadableVersionError, json.JSONDecodeError, KeyError) as error:
        reason = f"version {version} could not be compared with, promote by hand if this one is better: {error}"
        return Decision(False, reason, version)
    tested = read_rows(features, FIRST_FOLD, TESTED, ["question_id"])["question_id"].unique()
    fair = tested[~np.isin(tested, provenance["trained_on"])]
    if not len(fair):
        return Decision(False, f"version {version} was trained on every question of this test set", version)
    asked, ranks = _rank([ranker, current], features, fair, roles["original_id"].nunique())
    original = roles.set_index("question_id")["original_id"].reindex(asked).to_numpy()
    figures = _compare(ranks[0], ranks[1], original, registration, evaluation)
    own = describe_provenance(features, roles)["test_fingerprint"]
    figures |= {
        "test_questions": len(ranks[0]),
        "left_out_questions": len(tested) - len(fair),
        "same_test_set": own == provenance["test_fingerprint"],
    }
    return _conclude(version, figures, registration.min_advantage)


def _rank(
    rankers: list[Ranker], features: Features, asked: NDArray[np.int64], originals: int
) -> tuple[NDArray[np.int64], list[Ranks]]:
    """Rank the right original of some test questions with each ranker; give the questions in their order, too."""
    questions, parts = [np.empty(0, dtype=np.int64)], [[np.empty(0, dtype=np.int64)] for _ in rankers]
    for rows in iter_questions(features, FIRST_FOLD, TESTED):
        own = rows[rows["question_id"].isin(asked)]
        if own.empty:
            continue
        _, first, query = np.unique(own["query"], return_index=True, return_inverse=True)
        questions.append(own["question_id"].to_numpy()[first])
        for part, ranker in zip(parts, rankers, strict=True):
            part.append(rank_right(query, own["label"].to_numpy(), ranker.score_table(own), originals))
    return np.concatenate(questions), [np.concatenate(part) for part in parts]


def _compare(
    own: Ranks,
    current: Ranks,
    originals: NDArray[np.int64],
    registration: RegistrationParams,
    evaluation: EvaluationParams,
) -> dict[str, Any]:
    metric = registration.metric
    gained = bootstrap_metrics(own, current, evaluation.bootstrap_samples, evaluation.seed, originals)[metric]
    return {
        "metric": metric,
        "value": summarize_ranks(own)[metric],
        "current_value": summarize_ranks(current)[metric],
        "difference": gained.value,
        "low": gained.low,
        "high": gained.high,
        "min_advantage": registration.min_advantage,
    }


def _conclude(version: int, figures: dict[str, Any], min_advantage: float) -> Decision:
    better = figures["low"] > min_advantage
    reason = (
        f"{figures['metric']} {figures['value']:.3f} against {figures['current_value']:.3f} of version {version} "
        f"on {figures['test_questions']} test questions: {figures['difference']:+.3f}, 95 % interval "
        f"{figures['low']:+.3f} to {figures['high']:+.3f}, {'above' if better else 'not all above'} {min_advantage:g}"
    )
    if figures["left_out_questions"]:
        reason += f"; {figures['left_out_questions']} questions left out that version {version} was trained on"
    if not figures["same_test_set"]:
        reason += f"; version {version} had another test set"
    return Decision(better, reason, version, figures)
