"""Typed parameters of the faq workload: one frozen dataclass a block of `parameters.yml`."""

from dataclasses import dataclass
from typing import Literal

from triptych.parameters.ranges import check, check_at_least, check_model_name, check_share
from triptych.tuning.params import SearchParams


@dataclass(frozen=True)
class IngestParams:
    """What is read from the raw dump."""

    tags: tuple[str, ...] = ()
    """Keep only questions with one of these tags; empty keeps all."""
    background_every: int = 1
    """Keep every n-th question without a duplicate link, for word statistics; 0 keeps none."""
    workers: int = 0
    """Processes that filter the dump; 0 takes every core."""

    def __post_init__(self) -> None:
        check_at_least(0, background_every=self.background_every, workers=self.workers)


@dataclass(frozen=True)
class FilterParams:
    """Which cleaned questions become originals and duplicates."""

    min_text_chars: int = 1
    """Shortest text (title and prose, without code), in characters."""
    min_duplicates: int = 1
    """Fewest duplicates an original needs."""
    require_accepted_answer: bool = False
    """Drop originals without an accepted answer."""

    def __post_init__(self) -> None:
        check_at_least(0, min_text_chars=self.min_text_chars)
        check_at_least(1, min_duplicates=self.min_duplicates)


@dataclass(frozen=True)
class SplitParams:
    """How duplicates are divided into training, tuning and two test sets."""

    method: Literal["random", "time"] = "random"
    """`random`: by original and by duplicate; `time`: the latest duplicates are the test sets."""
    unseen_share: float = 0.2
    """Share of the originals that training never sees (random, folds = 1)."""
    known_share: float = 0.2
    """Share of the other originals' duplicates held out as new duplicates (random)."""
    time_share: float = 0.2
    """Share of the duplicates, latest first, that is held out (time)."""
    tune_share: float = 0.1
    """Share of the training originals whose duplicates stop the training early."""
    near_identical_jaccard: float = 0.8
    """Two texts with at least this Jaccard similarity of their word sets never straddle a split."""
    seed: int = 0
    """Seed of every draw."""

    def __post_init__(self) -> None:
        for name in ("unseen_share", "known_share", "tune_share"):
            check_share(name, getattr(self, name))
        check_share("time_share", self.time_share, zero=False)
        check(
            0 < self.near_identical_jaccard <= 1,
            f"near_identical_jaccard must be in (0, 1], got {self.near_identical_jaccard}",
        )
        check_at_least(0, seed=self.seed)


@dataclass(frozen=True)
class RetrievalParams:
    """How candidates are found and described."""

    candidates: int = 200
    """Originals retrieved for a question."""
    train_candidates: int = 50
    """Originals a training question is compared with (the hardest ones)."""
    max_train_queries: int = 20_000
    """Most training questions that are featurized (seeded draw)."""
    max_terms: int = 500_000
    """Most words, and most character n-grams, in the vocabulary (the commonest are kept)."""
    max_document_share: float = 0.25
    """Words in more than this share of the documents do not take part in retrieval."""
    workers: int = 0
    """Processes that featurize; 0 takes every core."""

    def __post_init__(self) -> None:
        check_at_least(2, candidates=self.candidates, train_candidates=self.train_candidates)
        check_at_least(1, max_train_queries=self.max_train_queries, max_terms=self.max_terms)
        check_at_least(0, workers=self.workers)
        check(
            0 < self.max_document_share <= 1,
            f"max_document_share must be in (0, 1], got {self.max_document_share}",
        )


@dataclass(frozen=True)
class RankerParams:
    """LightGBM LambdaRank over the similarity views."""

    rounds: int = 300
    """Most boosting rounds."""
    early_stopping_rounds: int = 60
    """Stop after this many rounds without a better tuning score; 0 never stops early."""
    learning_rate: float = 0.05
    """Shrinkage of each tree."""
    num_leaves: int = 8
    """Leaves of a tree."""
    min_child_samples: int = 50
    """Fewest rows in a leaf."""
    feature_fraction: float = 0.3
    """Share of the features a tree may use."""
    bagging_fraction: float = 0.7
    """Share of the rows a tree is grown on."""
    lambda_l2: float = 5.0
    """L2 penalty of the leaf values."""
    truncation_level: int = 10
    """Ranks that LambdaRank optimizes."""
    tuned: bool = True
    """Let the best configuration that faq_tune found go before these settings."""
    threads: int = 0
    """LightGBM threads; 0 takes every core."""
    seed: int = 0
    """Seed of the bagging."""

    def __post_init__(self) -> None:
        check_at_least(1, rounds=self.rounds, min_child_samples=self.min_child_samples)
        check_at_least(1, truncation_level=self.truncation_level)
        check_at_least(2, num_leaves=self.num_leaves)
        check_at_least(0, lambda_l2=self.lambda_l2, threads=self.threads, seed=self.seed)
        check_at_least(0, early_stopping_rounds=self.early_stopping_rounds)
        for name in ("learning_rate", "feature_fraction", "bagging_fraction"):
            check(0 < getattr(self, name) <= 1, f"{name} must be in (0, 1], got {getattr(self, name)}")


@dataclass(frozen=True)
class ReferenceParams:
    """The reference solution's method: TF-IDF of both texts into a binary classifier."""

    enabled: bool = True
    """Run the baseline beside the model."""
    match: int = 20
    """Training rows a duplicate: its original and match - 1 others."""
    ngrams: int = 1
    """Longest word n-gram."""
    min_child_samples: int = 20
    """Fewest rows in a leaf."""
    unweighted: bool = False
    """Do not weigh the two classes equally."""
    rounds: int = 100
    """Boosting rounds (the reference's `estimators`)."""
    tuned: bool = True
    """Let the best configuration that faq_tune found go before these settings."""
    threads: int = 0
    """LightGBM threads; 0 takes every core."""
    seed: int = 0
    """Seed of the negatives drawn."""

    def __post_init__(self) -> None:
        check_at_least(2, match=self.match)
        check_at_least(1, ngrams=self.ngrams, rounds=self.rounds, min_child_samples=self.min_child_samples)
        check_at_least(0, threads=self.threads, seed=self.seed)


@dataclass(frozen=True)
class EvaluationParams:
    """How the rankers are compared."""

    folds: int = 1
    """1: one split; more: cross-fit over originals, so that every duplicate is an unseen query once."""
    bootstrap_samples: int = 2000
    """Resamples of the paired bootstrap."""
    worst_misses: int = 50
    """Rows of the table of worst misses."""
    seed: int = 0
    """Seed of the bootstrap."""

    def __post_init__(self) -> None:
        check_at_least(1, folds=self.folds, worst_misses=self.worst_misses)
        check_at_least(100, bootstrap_samples=self.bootstrap_samples)
        check_at_least(0, seed=self.seed)


@dataclass(frozen=True)
class ScoringParams:
    """How new questions are answered."""

    top_k: int = 3
    """Originals returned for a question."""
    workers: int = 0
    """Processes that match; 0 takes every core."""

    def __post_init__(self) -> None:
        check_at_least(1, top_k=self.top_k)
        check_at_least(0, workers=self.workers)


@dataclass(frozen=True)
class RegistrationParams:
    """How the matcher becomes a version in the model registry, and when that version is promoted."""

    name: str = "faq-matcher"
    """Name in the registry: letters, digits, `-`, `_`, `.`."""
    metric: Literal["mrr", "gain_at_1", "gain_at_2", "gain_at_3", "gain_at_10"] = "mrr"
    """Compared with the promoted version's, over all test questions."""
    min_advantage: float = 0.0
    """Promote if the 95 % interval of the advantage lies above this; below 0 lets equally good ones pass."""

    def __post_init__(self) -> None:
        check_model_name(self.name)
        check(-1 <= self.min_advantage <= 1, f"min_advantage must be in [-1, 1], got {self.min_advantage}")


@dataclass(frozen=True)
class RankerSearchParams(SearchParams):
    """Search for the ranker's settings; the budget is boosting rounds."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_names(RankerParams)


@dataclass(frozen=True)
class ReferenceSearchParams(SearchParams):
    """Search for the reference method's settings; the budget is boosting rounds."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_names(ReferenceParams)
