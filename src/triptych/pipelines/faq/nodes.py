"""The nodes of the faq workload."""

import time
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from triptych.drift.versions import MODEL
from triptych.faq.asked import measure_reference, number_matcher
from triptych.faq.dump.parquet_batches import PostFile
from triptych.faq.dump.posts import PostSelection, PostStream, QuestionSource
from triptych.faq.encoding.fold_encoders import FoldEncoders, make_fold_encoders
from triptych.faq.entries import make_entries
from triptych.faq.evaluation.metrics import rank_fold
from triptych.faq.evaluation.model_card import (
    describe_ranker,
    make_tags,
    pick_example,
    write_report,
)
from triptych.faq.evaluation.probabilities import estimate_chunks, summarize_probabilities
from triptych.faq.evaluation.probability_plots import plot_coverage, plot_reliability
from triptych.faq.evaluation.promotion import decide_promotion, describe_provenance
from triptych.faq.evaluation.report import (
    compare_rankers,
    flatten_metrics,
    list_worst_misses,
    plot_comparison,
)
from triptych.faq.matcher import FaqMatcher
from triptych.faq.pairs.links import describe_data, filter_pairs
from triptych.faq.pairs.splitting import count_roles, find_cut, split_pairs
from triptych.faq.params import (
    EncoderParams,
    EncoderTrainingParams,
    EvaluationParams,
    FilterParams,
    IngestParams,
    ProbabilityParams,
    RankerParams,
    ReferenceParams,
    RegistrationParams,
    RetrievalParams,
    SplitParams,
)
from triptych.faq.ranking.feature_file import (
    Features,
    FeatureStream,
    iter_questions,
    list_columns,
    list_folds,
    read_rows,
)
from triptych.faq.ranking.features import iter_fold
from triptych.faq.ranking.fusion import choose_views, list_choice_columns
from triptych.faq.ranking.plans import ABSENT, ABSENT_TEST, LEARNED, TESTED
from triptych.faq.ranking.ranker import Ranker
from triptych.faq.ranking.reference_method import score_fold
from triptych.faq.ranking.training import TrainedRanker, train_fold
from triptych.faq.text.questions import add_answers, read_answers, read_questions
from triptych.faq.trials import tune_ranker, tune_reference
from triptych.registry import ModelRegistry, NewVersion
from triptych.registry.provenance import fingerprint_tables, flatten_parameters
from triptych.serving.faq_export import save_faq_model


def ingest_posts(raw: QuestionSource, ingest: IngestParams) -> tuple[PostStream, pd.DataFrame, pd.DataFrame]:
    """Select the posts that matter from the raw data.

    Args:
        raw: A Stack Exchange dump, or the reference's TSV files.
        ingest: What to select.

    Returns:
        The posts, read only while they are saved, the duplicate links, and the names of ids that are text.
    """
    selection = PostSelection(ingest.tags, ingest.background_every, ingest.workers)
    return raw.read_posts(selection), raw.read_links(), raw.read_names()


def clean_questions(
    posts: PostFile, links: pd.DataFrame, filters: FilterParams
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Clean the texts, resolve duplicates to originals and filter both.

    Returns:
        Questions, pairs of duplicate and original, the originals' answers, and a report of what was read,
        kept and dropped.

    Raises:
        ValueError: If no pair is left.
    """
    questions = read_questions(posts, filters.text_format)
    pairs, counts = filter_pairs(questions, links, filters)
    if pairs.empty:
        raise ValueError(
            f"no duplicate pair is left of {counts['links']} links between {len(questions)} questions "
            f"({counts}): loosen faq.filter and faq.ingest.tags, or check that the data has duplicate links"
        )
    originals = questions[questions["question_id"].isin(pairs["original_id"])]
    answers = read_answers(posts, originals, filters.text_format)
    report = {"ingest": posts.metadata, "clean": describe_data(questions, pairs, answers, counts)}
    return questions, pairs, answers, report


def featurize_candidates(
    questions: pd.DataFrame,
    pairs: pd.DataFrame,
    answers: pd.DataFrame,
    split: SplitParams,
    encoder: EncoderParams,
    training: EncoderTrainingParams,
    retrieval: RetrievalParams,
    evaluation: EvaluationParams,
) -> tuple[pd.DataFrame, FoldEncoders, FeatureStream, dict[str, Any]]:
    """Split the pairs, retrieve each question's candidates and describe how they compare.

    Returns:
        The role of every duplicate in every fold; the encoders, with the vectors of the questions, if one is asked for;
        the candidates with their features, which are made while they are saved; and a report.
    """
    # Imported here so that `kedro` starts without pandera.
    from triptych.faq.schemas import FEATURE_ROWS

    roles = split_pairs(questions, pairs, split, evaluation.folds)
    questions = add_answers(questions, answers)
    cut = find_cut(questions, pairs, split)
    folds = ((fold, roles[roles["fold"] == fold]) for fold in sorted(set(roles["fold"].tolist())))
    encoders = make_fold_encoders(questions, roles, encoder, training, cut)
    tables = (
        rows.assign(fold=fold)
        for fold, own in folds
        for rows in iter_fold(questions, own, retrieval, cut, encoders.of_fold(fold))
    )
    encoded = bool(encoders.encoders)
    return roles, encoders, FeatureStream(tables, FEATURE_ROWS.validate, encoded=encoded), {"roles": count_roles(roles)}


def train_ranker(
    features: Features, ranker: RankerParams, probability: ProbabilityParams, best: dict[str, Any]
) -> dict[str, Any]:
    """Train the ranker of each fold on its training and tuning questions, and how sure it may be.

    Args:
        features: Candidates of every fold.
        ranker: Settings.
        probability: Settings of the probability and of the threshold.
        best: What `faq_tune` found, empty if it never ran; goes before settings that are not set explicitly.

    Returns:
        `models`: each fold's ranker; `rounds`, `mix` (what LambdaRank and the linear model are worth), `threshold`,
        and `cross_validation` (mean reciprocal rank of either and of both) of each; `settings`; `seconds`.
    """
    start = time.perf_counter()
    ranker = tune_ranker(ranker, best, features)
    learned = (read_rows(features, fold, [*LEARNED, ABSENT]) for fold in list_folds(features))
    trained = [train_fold(rows, ranker, probability) for rows in learned]
    return {
        "models": [model.to_dict() for model, _ in trained],
        "rounds": [model.ranker.booster.num_trees() for model, _ in trained],
        "mix": [list(model.ranker.mix) for model, _ in trained],
        "threshold": [model.probability.threshold for model, _ in trained],
        "cross_validation": [report for _, report in trained],
        "settings": ranker.model_dump(),
        "seconds": time.perf_counter() - start,
    }


def train_reference(
    questions: pd.DataFrame,
    roles: pd.DataFrame,
    features: Features,
    reference: ReferenceParams,
    best: dict[str, Any],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Train the reference's method in each fold, and score the same candidates with it.

    Returns:
        Columns `fold`, `question_id`, `candidate_id`, `score` (no row where it is switched off), and a report.
    """
    reference = tune_reference(reference, best, features, questions, roles)
    scores, seconds = [], np.zeros(2)
    columns = ["fold", "question_id", "candidate_id"]
    asked = read_rows(features, None, TESTED, columns)
    for fold, rows in roles.groupby("fold") if reference.enabled else ():
        table, spent = score_fold(questions, rows, asked[asked["fold"] == fold], reference)
        scores.append(table)
        seconds += spent
    report = {"train_seconds": seconds[0], "score_seconds": seconds[1], "settings": reference.model_dump()}
    return pd.concat(scores or [asked.head(0).assign(score=np.empty(0))], ignore_index=True), report


def evaluate_rankers(
    questions: pd.DataFrame,
    roles: pd.DataFrame,
    features: Features,
    rankers: dict[str, Any],
    reference_scores: pd.DataFrame,
    probabilities: pd.DataFrame,
    names: pd.DataFrame,
    evaluation: EvaluationParams,
) -> tuple[pd.DataFrame, dict[str, float], pd.DataFrame, go.Figure, pd.DataFrame]:
    """Rank every test question's candidates with every ranker, and compare the rankers.

    Returns:
        Ranks (a row a question), flat metrics, their comparison with intervals, its plot, the worst misses.
    """
    tables = []
    choice = list_choice_columns(list_columns(features))
    for fold in list_folds(features):
        scores = reference_scores[reference_scores["fold"] == fold]
        ranker, own = Ranker.from_dict(rankers["models"][fold]), roles[roles["fold"] == fold]
        views = choose_views(read_rows(features, fold, LEARNED, ["query", "label", *choice]))
        for rows in iter_questions(features, fold, TESTED):
            asked = scores[scores["question_id"].isin(rows["question_id"])]
            tables.append(rank_fold(rows, ranker, asked, own, views))
    ranks = pd.concat(tables, ignore_index=True)
    comparison = compare_rankers(ranks, evaluation)
    misses = list_worst_misses(ranks, questions, evaluation.worst_misses, names)
    metrics = flatten_metrics(ranks) | summarize_probabilities(probabilities)
    return ranks, metrics, comparison, plot_comparison(comparison), misses


def estimate_probabilities(features: Features, rankers: dict[str, Any], probability: ProbabilityParams) -> pd.DataFrame:
    """Estimate how likely the first candidate of each test question is right, and of those that have no match.

    Returns:
        A row a question; see `estimate_fold`.
    """
    tables = []
    for fold in list_folds(features):
        trained = TrainedRanker.from_dict(rankers["models"][fold])
        chunks = iter_questions(features, fold, [*TESTED, ABSENT_TEST])
        tables.append(estimate_chunks(chunks, trained, probability.match_share))
    return pd.concat(tables, ignore_index=True)


def plot_probabilities(probabilities: pd.DataFrame) -> tuple[go.Figure, go.Figure]:
    """Draw how often matches of a probability are right, and what a threshold costs.

    Returns:
        The reliability diagram, and precision against coverage.
    """
    return plot_reliability(probabilities), plot_coverage(probabilities)


def build_matcher(
    questions: pd.DataFrame,
    pairs: pd.DataFrame,
    answers: pd.DataFrame,
    names: pd.DataFrame,
    encoders: FoldEncoders,
    rankers: dict[str, Any],
    retrieval: RetrievalParams,
) -> FaqMatcher:
    """Index all originals with all of their duplicates, for use: with the ranker of the first fold."""
    entries = make_entries(questions, pairs, answers)
    trained = TrainedRanker.from_dict(rankers["models"][0])
    questions = add_answers(questions, answers)
    return FaqMatcher.build(questions, pairs, entries, trained, retrieval, names, encoders.of_fold(0))


def measure_reference_questions(
    matcher: FaqMatcher, questions: pd.DataFrame, roles: pd.DataFrame, evaluation: EvaluationParams
) -> pd.DataFrame:
    """Measure questions of the data as if they were asked, to be kept beside the matcher: `faq_drift` compares.

    Returns:
        A row a question, a column a measure, and the number of the model.
    """
    # The matcher's ranker is that of the first fold.
    measured = measure_reference(matcher, questions, roles[roles["fold"] == 0], evaluation.seed)
    return measured.assign(**{MODEL: number_matcher(matcher)})


def register_matcher(
    matcher: FaqMatcher,
    drift_reference: pd.DataFrame,
    rankers: dict[str, Any],
    questions: pd.DataFrame,
    pairs: pd.DataFrame,
    roles: pd.DataFrame,
    features: Features,
    metrics: dict[str, float],
    comparison: pd.DataFrame,
    comparison_plot: go.Figure,
    model_registry: ModelRegistry,
    registration: RegistrationParams,
    evaluation: EvaluationParams,
    split: SplitParams,
    retrieval: RetrievalParams,
) -> NewVersion:
    """Put the matcher together with its model card, and decide whether it takes the promoted version's place.

    Returns:
        What the dataset registers.
    """
    # The matcher's ranker is that of the first fold.
    roles = roles[roles["fold"] == 0]
    promoted = model_registry.find_promoted(registration.name)
    digest = matcher.index.encoder.digest if matcher.index.encoder else None
    provenance = describe_provenance(features, roles, digest)
    return NewVersion(
        name=registration.name,
        write=partial(save_faq_model, matcher, pick_example(questions, roles), drift_reference=drift_reference),
        report=write_report(metrics, comparison, comparison_plot, provenance),
        metrics={f"faq.{key}": v for key, v in metrics.items() if ".model." in key or key.startswith("probability.")},
        parameters=flatten_parameters("faq", registration=registration, split=split, retrieval=retrieval)
        | describe_ranker(rankers),
        tags=make_tags(metrics, fingerprint_tables([questions, pairs])),
        decision=decide_promotion(matcher.trained.ranker, features, roles, promoted, registration, evaluation, digest),
    )
