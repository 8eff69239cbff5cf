"""Values out of range are refused by the field's name, and the ends of each range are in it or not."""

from __future__ import annotations

from typing import Any

import pytest

from triptych.faq.evaluation.metrics import METRICS
from triptych.faq.params import (
    EvaluationParams,
    FilterParams,
    IngestParams,
    ProbabilityParams,
    RankerParams,
    RankerSearchParams,
    ReferenceParams,
    ReferenceSearchParams,
    RetrievalParams,
    ScoringParams,
    SplitParams,
)


def test_searches_know_the_metrics_of_their_trials() -> None:
    for search in (RankerSearchParams, ReferenceSearchParams):
        assert sorted(name for names in search.reported.values() for name in names) == sorted(METRICS)


REFUSED: list[tuple[Any, str, list[Any], list[Any]]] = [
    (IngestParams, "background_every", [-1], [0, 1]),
    (IngestParams, "workers", [-1], [0, 1]),
    (FilterParams, "min_text_chars", [-1], [0]),
    (FilterParams, "min_duplicates", [0], [1]),
    (SplitParams, "unseen_share", [-0.1, 1.0], [0.0, 0.99]),
    (SplitParams, "known_share", [-0.1, 1.0], [0.0, 0.99]),
    (SplitParams, "tune_share", [-0.1, 1.0], [0.0, 0.99]),
    (SplitParams, "time_share", [0.0, 1.0], [0.01, 0.99]),
    (SplitParams, "near_identical_jaccard", [0.0, 1.1], [0.01, 1.0]),
    (SplitParams, "seed", [-1], [0]),
    (RetrievalParams, "candidates", [1], [2]),
    (RetrievalParams, "train_candidates", [1], [2]),
    (RetrievalParams, "max_train_queries", [0], [1]),
    (RetrievalParams, "max_terms", [0], [1]),
    (RetrievalParams, "max_document_share", [0.0, 1.1], [0.01, 1.0]),
    (RetrievalParams, "workers", [-1], [0]),
    (RankerParams, "rounds", [0], [1]),
    (RankerParams, "early_stopping_rounds", [-1], [0]),
    (RankerParams, "learning_rate", [0.0, 1.1], [1.0]),
    (RankerParams, "num_leaves", [1], [2]),
    (RankerParams, "min_child_samples", [0], [1]),
    (RankerParams, "feature_fraction", [0.0, 1.1], [1.0]),
    (RankerParams, "bagging_fraction", [0.0, 1.1], [1.0]),
    (RankerParams, "lambda_l2", [-0.1], [0.0]),
    (RankerParams, "truncation_level", [0], [1]),
    (RankerParams, "threads", [-1], [0]),
    (RankerParams, "seed", [-1], [0]),
    (RankerParams, "linear_l2", [0.0], [0.001]),
    (RetrievalParams, "absent_queries", [-1], [0]),
    (ProbabilityParams, "match_share", [0.0, 1.0], [0.01, 0.99]),
    (ProbabilityParams, "min_precision", [0.0, 1.1], [0.01, 1.0]),
    (ProbabilityParams, "threshold", [-0.1, 1.1], ["auto", 0.0, 1.0]),
    (ProbabilityParams, "inverse_l2", [0.0], [0.1]),
    (ReferenceParams, "match", [1], [2]),
    (ReferenceParams, "ngrams", [0], [1]),
    (ReferenceParams, "min_child_samples", [0], [1]),
    (ReferenceParams, "rounds", [0], [1]),
    (ReferenceParams, "threads", [-1], [0]),
    (ReferenceParams, "seed", [-1], [0]),
    (EvaluationParams, "folds", [0], [1]),
    (EvaluationParams, "worst_misses", [0], [1]),
    (EvaluationParams, "bootstrap_samples", [99], [100]),
    (EvaluationParams, "seed", [-1], [0]),
    (ScoringParams, "top_k", [0], [1]),
    (ScoringParams, "workers", [-1], [0]),
]


@pytest.mark.parametrize(("block", "field", "bad", "good"), REFUSED, ids=[f"{r[0].__name__}.{r[1]}" for r in REFUSED])
def test_ranges(block: Any, field: str, bad: list[Any], good: list[Any]) -> None:
    for value in bad:
        with pytest.raises(ValueError, match=rf"^{field}: must be .*got {value}$"):
            block.read({field: value})
    for value in good:
        assert getattr(block(**{field: value}), field) == value
