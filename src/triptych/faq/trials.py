"""How the faq workload trains a trial: the ranker's, and the reference method's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from triptych.faq.evaluation.metrics import rank_right, summarize_ranks
from triptych.faq.params import RankerParams, ReferenceParams
from triptych.faq.ranking.feature_file import Features, fingerprint_features, read_rows
from triptych.faq.ranking.lambdarank import Boosting, find_rounds, load_booster, score_candidates
from triptych.faq.ranking.plans import LEARNED
from triptych.faq.ranking.reference_method import ReferenceModel, reference_texts
from triptych.tuning.best import apply_best
from triptych.tuning.trials import Outcome

if TYPE_CHECKING:
    import lightgbm as lgb
    from numpy.typing import NDArray

_MODEL = "model.txt"
_STATE = "boosting.json"
_INDIFFERENT = {"rounds", "tuned", "threads"}
"""Settings that do not change what a trial finds: its rounds are its budget."""


class RankerTrial:
    """Boost a ranker on the training questions of the first fold, and score it on the tuning questions."""

    def __init__(self, features: Features, base: RankerParams) -> None:
        self.features = read_rows(features, 0, LEARNED)
        _need_tuning(self.features)
        self.base = base
        self.settings = base.model_dump(exclude=_INDIFFERENT)
        self.data = fingerprint_features(features)

    def train(self, config: dict[str, Any], budget: int, checkpoint: Path | None, folder: Path) -> Outcome:
        """Go on from the checkpoint up to `budget` rounds, stopping early where the tuning score gets no better."""
        params = self.base.replace(**config)
        boosting = find_rounds(self.features, params, budget, _load_boosting(checkpoint) if checkpoint else None)
        boosting.model.save_model(str(folder / _MODEL), num_iteration=-1)
        state = {"rounds": boosting.rounds, "score": boosting.score}
        (folder / _STATE).write_text(json.dumps(state), encoding="utf-8")
        tune = self.features[self.features["role"] == "tune"]
        scores = score_candidates(boosting.model, tune, boosting.rounds)
        return Outcome(score_tuning(tune, scores), {"rounds": boosting.rounds, "early_stopping_rounds": 0})


class ReferenceTrial:
    """Boost the reference's classifier on the training pairs, and score it on the tuning questions."""

    def __init__(self, questions: pd.DataFrame, roles: pd.DataFrame, features: Features, base: ReferenceParams) -> None:
        self.texts = reference_texts(questions)
        self.pairs = roles[(roles["fold"] == 0) & (roles["role"] == "train")]
        self.tune = read_rows(features, 0, ["tune"], ["role", "query", "question_id", "candidate_id", "label"])
        _need_tuning(self.tune)
        self.base = base
        self.settings = base.model_dump(exclude=_INDIFFERENT | {"enabled"})
        self.data = fingerprint_features(features, questions, roles)

    def train(self, config: dict[str, Any], budget: int, checkpoint: Path | None, folder: Path) -> Outcome:
        """Go on from the checkpoint up to `budget` rounds."""
        before = _load_model(checkpoint) if checkpoint else None
        rounds = budget - (before.num_trees() if before else 0)
        model = ReferenceModel(self.base.replace(**config | {"rounds": max(rounds, 1)}))
        model.fit(self.texts, self.pairs, before)
        model.classifier.booster_.save_model(str(folder / _MODEL))
        return Outcome(score_tuning(self.tune, model.score(self.texts, self.tune)), {"rounds": budget})


def tune_ranker(ranker: RankerParams, best: dict[str, Any], features: Features) -> RankerParams:
    """Use what a search for the ranker's settings found, if it was found on these candidates."""
    tuned: RankerParams
    (tuned,) = apply_best({"faq.ranker": ranker}, best, "faq.ranker_best", fingerprint_features(features))
    return tuned


def tune_reference(
    reference: ReferenceParams, best: dict[str, Any], features: Features, *tables: pd.DataFrame
) -> ReferenceParams:
    """Use what a search for the reference's settings found, if it was found on these tables."""
    tuned: ReferenceParams
    (tuned,) = apply_best(
        {"faq.reference": reference}, best, "faq.reference_best", fingerprint_features(features, *tables)
    )
    return tuned


def score_tuning(tune: pd.DataFrame, scores: NDArray[np.float64]) -> dict[str, float]:
    """Give every ranking metric on the tuning questions (columns `query`, `label`).

    Raises:
        ValueError: If there is no tuning question.
    """
    if tune.empty:
        raise ValueError("no tuning question: raise faq.split.tune_share")
    query = np.unique(tune["query"], return_inverse=True)[1]
    # A miss of the retrieval cannot be mended by ranking: it counts as just behind the last candidate.
    missing_rank = int(np.bincount(query).max()) + 1
    return summarize_ranks(rank_right(query, tune["label"].to_numpy(), scores, missing_rank))


def _need_tuning(features: pd.DataFrame) -> None:
    """Stop a search before its trials, which LightGBM would fail one by one."""
    if not (features["role"] == "tune").any():
        raise ValueError("a search needs tuning questions, and there is none: raise faq.split.tune_share")


def _load_boosting(checkpoint: Path) -> Boosting:
    state = json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
    return Boosting(_load_model(checkpoint), **state)


def _load_model(checkpoint: Path) -> lgb.Booster:
    return load_booster((checkpoint / _MODEL).read_text(encoding="utf-8"))
