"""Parameters of the faq workload: one model a block of `parameters.yml`."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from triptych.faq.text.markup import TextFormat
from triptych.parameters.base import Fraction, ModelName, OpenShare, Params, Share, UnitInterval
from triptych.tuning.params import SearchParams, Tuned


class IngestParams(Params):
    """What is read from the raw dump."""

    tags: tuple[str, ...] = ()
    """Keep only questions with one of these tags; empty keeps all."""
    background_every: NonNegativeInt = 1
    """Keep every n-th question without a duplicate link, for word statistics; 0 keeps none."""
    workers: NonNegativeInt = 0
    """Processes that filter the dump; 0 takes every core."""


class FilterParams(Params):
    """Which cleaned questions become originals and duplicates."""

    min_text_chars: NonNegativeInt = 1
    """Shortest text (title and prose, without code), in characters."""
    min_duplicates: PositiveInt = 1
    """Fewest duplicates an original needs."""
    require_accepted_answer: bool = False
    """Drop originals without an accepted answer."""
    text_format: TextFormat = "auto"
    """What bodies are: `html`, `plain`, or `auto`, told text by text."""


class SplitParams(Params):
    """How duplicates are divided into training, tuning and two test sets."""

    method: Literal["random", "time"] = "random"
    """`random`: by original and by duplicate; `time`: the latest duplicates are the test sets."""
    unseen_share: Share = 0.2
    """Share of the originals that training never sees (random, folds = 1)."""
    known_share: Share = 0.2
    """Share of the other originals' duplicates held out as new duplicates (random)."""
    time_share: OpenShare = 0.2
    """Share of the duplicates, latest first, that is held out (time)."""
    tune_share: Share = 0.1
    """Share of the training originals whose duplicates stop the training early."""
    near_identical_jaccard: Fraction = 0.8
    """Two texts with at least this Jaccard similarity of their word sets never straddle a split."""
    seed: NonNegativeInt = 0
    """Seed of every draw."""


class RetrievalParams(Params):
    """How candidates are found and described."""

    candidates: Annotated[int, Field(ge=2)] = 200
    """Originals retrieved for a question."""
    train_candidates: Annotated[int, Field(ge=2)] = 50
    """Originals a training question is compared with (the hardest ones)."""
    max_train_queries: PositiveInt = 20_000
    """Most training questions that are featurized; of more, a draw."""
    absent_queries: NonNegativeInt = 500
    """Most questions whose original is not there: to fit the probability of a match, and as many more to judge it."""
    seed: NonNegativeInt = 0
    """Seed of those draws."""
    max_terms: PositiveInt = 500_000
    """Most words, and most character n-grams, in the vocabulary (the commonest are kept)."""
    max_document_share: Fraction = 0.25
    """Words in more than this share of the documents do not take part in retrieval."""
    workers: NonNegativeInt = 0
    """Processes that featurize; 0 takes every core."""


class EncoderParams(Params):
    """An encoder of sentences, as further views and in retrieval; off without a folder."""

    folder: str | None = None
    """Folder of an ONNX network with its tokenizer.json, or of a sentence-transformers model; null uses no encoder."""
    max_tokens: PositiveInt = 256
    """What is longer is cut, in tokens; the model's own limit goes before, where it is lower."""
    prefix: str = ""
    """Put before every text, for models that were trained so (`query: `)."""
    batch_size: PositiveInt = 32
    """Texts that are encoded at a time."""
    cache_folder: str | None = "data/04_feature/faq/vectors"
    """Where vectors are kept, by encoder and text, so that no text is encoded twice; null keeps none."""


class EncoderTrainingParams(Params):
    """An encoder of words that is trained on the questions themselves, in each fold on its training part."""

    enabled: bool = False
    """Train one, where there are `min_pairs`; `faq.encoder.folder` has to be null."""
    min_pairs: PositiveInt = 20_000
    """Fewest pairs of texts (duplicates with originals, titles with texts) that one is trained on."""
    ranker_share: OpenShare = 0.5
    """Share of the training originals that the ranker learns from; the others' duplicates train the encoder."""
    dimensions: Annotated[int, Field(ge=2, le=4096)] = 512
    """Numbers of a vector."""
    max_words: PositiveInt = 100_000
    """Most words that have a vector (the commonest are kept)."""
    word_dropout: Share = 0.1
    """Share of the words of a text that are left out, others each time."""
    temperature: Annotated[float, Field(gt=0, le=1)] = 0.05
    """What cosines are divided by in the loss."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.001
    """Adam's."""
    batch_size: Annotated[int, Field(ge=2)] = 256
    """Pairs of a step: as many texts less one does each have to be told from."""
    epochs: PositiveInt = 30
    """Most passes over the pairs."""
    patience: PositiveInt = 3
    """Stop after so many passes without a better mean reciprocal rank of the held-out pairs."""
    seed: NonNegativeInt = 0
    """Seed of the vectors and of every draw."""


class RankerParams(Params):
    """LightGBM LambdaRank over the similarity views."""

    rounds: PositiveInt = 100
    """Most boosting rounds."""
    early_stopping_rounds: NonNegativeInt = 0
    """Stop after this many rounds without a better tuning score; 0 never stops early."""
    learning_rate: Fraction = 0.05
    """Shrinkage of each tree."""
    num_leaves: Annotated[int, Field(ge=2)] = 8
    """Leaves of a tree."""
    min_child_samples: PositiveInt = 50
    """Fewest rows in a leaf."""
    feature_fraction: Fraction = 0.3
    """Share of the features a tree may use."""
    bagging_fraction: Fraction = 0.7
    """Share of the rows a tree is grown on."""
    lambda_l2: NonNegativeFloat = 5.0
    """L2 penalty of the leaf values."""
    truncation_level: PositiveInt = 10
    """Ranks that LambdaRank optimizes."""
    method: Literal["auto", "both", "lambdarank", "linear"] = "auto"
    """What ranks: LambdaRank's trees, a linear model, both added up, or what cross-validation finds best."""
    linear_l2: Annotated[float, Field(gt=0)] = 1.0
    """L2 penalty of the linear model's weights."""
    tuned: Tuned = True
    """Let what faq_tune found on the same data go before these settings, other than those that are set explicitly;
    `any_data`: on whatever data."""
    threads: NonNegativeInt = 0
    """LightGBM threads; 0 takes every core."""
    seed: NonNegativeInt = 0
    """Seed of the bagging."""


class ProbabilityParams(Params):
    """How likely it is that a match is right, and from when on it is called one."""

    match_share: OpenShare = 0.5
    """Share of the questions asked that are expected to have their original in the FAQ."""
    min_precision: Fraction = 0.8
    """Share of right ones wanted among the matches that are called so; the threshold is chosen for it."""
    threshold: UnitInterval | Literal["auto"] = "auto"
    """Probability from which on a candidate is called a match; `auto` chooses it for `min_precision`."""
    inverse_l2: Annotated[float, Field(gt=0)] = 1.0
    """Inverse of the logistic regression's L2 penalty (scikit-learn's `C`)."""


class ReferenceParams(Params):
    """The reference solution's method: TF-IDF of both texts into a binary classifier."""

    enabled: bool = True
    """Run the baseline beside the model."""
    match: Annotated[int, Field(ge=2)] = 20
    """Training rows a duplicate: its original and match - 1 others."""
    ngrams: PositiveInt = 1
    """Longest word n-gram."""
    min_child_samples: PositiveInt = 20
    """Fewest rows in a leaf."""
    unweighted: bool = False
    """Do not weigh the two classes equally."""
    rounds: PositiveInt = 100
    """Boosting rounds (the reference's `estimators`)."""
    tuned: Tuned = True
    """Let what faq_tune found on the same data go before these settings, other than those that are set explicitly;
    `any_data`: on whatever data."""
    threads: NonNegativeInt = 0
    """LightGBM threads; 0 takes every core."""
    seed: NonNegativeInt = 0
    """Seed of the negatives drawn."""


class EvaluationParams(Params):
    """How the rankers are compared."""

    folds: PositiveInt = 1
    """1: one split; more: cross-fit over originals, so that every duplicate is an unseen query once."""
    bootstrap_samples: Annotated[int, Field(ge=100)] = 2000
    """Resamples of the paired bootstrap."""
    worst_misses: PositiveInt = 50
    """Rows of the table of worst misses."""
    seed: NonNegativeInt = 0
    """Seed of the bootstrap."""


class ScoringParams(Params):
    """How new questions are answered."""

    top_k: PositiveInt = 3
    """Originals returned for a question."""
    text_format: TextFormat = "auto"
    """What bodies are: `html`, `plain`, or `auto`, told text by text."""
    workers: NonNegativeInt = 0
    """Processes that match; 0 takes every core."""
    log_requests: bool = False
    """Log measures of the questions and of their matches, for `faq_drift`."""


class AdditionParams(Params):
    """How questions are added to a matcher, and when it is rebuilt."""

    text_format: TextFormat = "auto"
    """What bodies and answers are: `html`, `plain`, or `auto`, told text by text."""
    max_added_share: UnitInterval = 0.2
    """Rebuild once more than this share of its questions was added since it was built."""
    max_unknown_share: UnitInterval = 0.1
    """Rebuild once more than this share of the words that were added are new to it."""


class RegistrationParams(Params):
    """How the matcher becomes a version in the model registry, and when that version is promoted."""

    name: ModelName = "faq-matcher"
    """Name in the registry: letters, digits, `-`, `_`, `.`."""
    metric: Literal["mrr", "gain_at_1", "gain_at_2", "gain_at_3", "gain_at_10"] = "mrr"
    """Compared with the promoted version's, over all test questions."""
    min_advantage: Annotated[float, Field(ge=-1, le=1)] = 0.0
    """Promote if the 95 % interval of the advantage lies above this; below 0 lets equally good ones pass."""


_REPORTED = {
    "max": (
        "gain_at_1",
        "gain_at_2",
        "gain_at_3",
        "gain_at_10",
        "mrr",
        "recall_at_20",
        "recall_at_50",
        "recall_at_100",
    ),
    "min": ("mean_rank",),
}


class RankerSearchParams(SearchParams):
    """Search for the ranker's settings; the budget is boosting rounds."""

    searched = (RankerParams,)
    reported = _REPORTED


class ReferenceSearchParams(SearchParams):
    """Search for the reference method's settings; the budget is boosting rounds."""

    searched = (ReferenceParams,)
    reported = _REPORTED
