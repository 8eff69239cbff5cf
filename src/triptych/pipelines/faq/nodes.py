"""The nodes of the faq workload."""

import time
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from triptych.datasets.posts import PostSelection, PostStream, QuestionSource
from triptych.pipelines.faq.evaluation import rank_fold
from triptych.pipelines.faq.features import featurize_fold
from triptych.pipelines.faq.html_text import clean_html, clean_title
from triptych.pipelines.faq.matcher import FaqMatcher, make_entries
from triptych.pipelines.faq.params import (
    EvaluationParams,
    FilterParams,
    IngestParams,
    RankerParams,
    ReferenceParams,
    RetrievalParams,
    ScoringParams,
    SplitParams,
)
from triptych.pipelines.faq.questions import (
    PostFile,
    describe_data,
    filter_pairs,
    read_answers,
    read_questions,
)
from triptych.pipelines.faq.ranker import load_booster, train_booster
from triptych.pipelines.faq.reference import score_fold
from triptych.pipelines.faq.report import (
    compare_rankers,
    flatten_metrics,
    list_worst_misses,
    plot_comparison,
)
from triptych.pipelines.faq.splitting import count_roles, split_pairs


def ingest_posts(raw: QuestionSource, ingest: IngestParams) -> tuple[PostStream, pd.DataFrame]:
    """Select the posts that matter from the raw data.

    Args:
        raw: A Stack Exchange dump, or the reference's TSV files.
        ingest: What to select.

    Returns:
        The posts, read only while they are saved, and the duplicate links.
    """
    selection = PostSelection(ingest.tags, ingest.background_every, ingest.workers)
    return raw.read_posts(selection), raw.read_links()


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
    questions = read_questions(posts)
    pairs, counts = filter_pairs(questions, links, filters)
    if pairs.empty:
        raise ValueError(
            f"no duplicate pair is left of {counts['links']} links between {len(questions)} questions "
            f"({counts}): loosen faq.filter and faq.ingest.tags, or check that the data has duplicate links"
        )
    originals = questions[questions["question_id"].isin(pairs["original_id"])]
    answers = read_answers(posts, originals)
    report = {"ingest": posts.metadata, "clean": describe_data(questions, pairs, answers, counts)}
    return questions, pairs, answers, report


def featurize_candidates(
    questions: pd.DataFrame,
    pairs: pd.DataFrame,
    split: SplitParams,
    retrieval: RetrievalParams,
    evaluation: EvaluationParams,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Split the pairs, retrieve each question's candidates and describe how they compare.

    Returns:
        The role of every duplicate in every fold, the candidates with their features, and a report.
    """
    start = time.perf_counter()
    roles = split_pairs(questions, pairs, split, evaluation.folds)
    tables = []
    for fold, rows in roles.groupby("fold"):
        tables.append(featurize_fold(questions, rows, retrieval).assign(fold=fold))
    features = pd.concat(tables, ignore_index=True)
    report = {"roles": count_roles(roles), "rows": len(features), "seconds": time.perf_counter() - start}
    return roles, features, report


def train_ranker(features: pd.DataFrame, ranker: RankerParams) -> dict[str, Any]:
    """Train the ranker of each fold.

    Returns:
        `models`: LightGBM's text of each fold's model; `rounds` of each; `seconds`.
    """
    start = time.perf_counter()
    boosters = [train_booster(rows, ranker) for _, rows in features.groupby("fold")]
    return {
        "models": [booster.model_to_string() for booster in boosters],
        "rounds": [booster.num_trees() for booster in boosters],
        "seconds": time.perf_counter() - start,
    }


def train_reference(
    questions: pd.DataFrame, roles: pd.DataFrame, features: pd.DataFrame, reference: ReferenceParams
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Train the reference's method in each fold, and score the same candidates with it.

    Returns:
        Columns `fold`, `question_id`, `candidate_id`, `score` (no row where it is switched off), and a report.
    """
    scores, report = [], {"train_seconds": 0.0, "score_seconds": 0.0, "enabled": reference.enabled}
    columns = ["fold", "question_id", "candidate_id"]
    asked = features.loc[features["role"].str.startswith("test_"), columns]
    if not reference.enabled:
        return asked.head(0).assign(score=np.empty(0)), report
    for fold, rows in roles.groupby("fold"):
        table, seconds = score_fold(questions, rows, asked[asked["fold"] == fold], reference)
        scores.append(table)
        report["train_seconds"] += seconds[0]
        report["score_seconds"] += seconds[1]
    return pd.concat(scores, ignore_index=True), report


def evaluate_rankers(
    questions: pd.DataFrame,
    roles: pd.DataFrame,
    features: pd.DataFrame,
    rankers: dict[str, Any],
    reference_scores: pd.DataFrame,
    evaluation: EvaluationParams,
) -> tuple[pd.DataFrame, dict[str, float], pd.DataFrame, go.Figure, pd.DataFrame]:
    """Rank every test question's candidates with every ranker, and compare the rankers.

    Returns:
        Ranks (a row a question), flat metrics, their comparison with intervals, its plot, the worst misses.
    """
    originals = roles["original_id"].nunique()
    tables = []
    for fold in range(evaluation.folds):
        rows = features[features["fold"] == fold]
        scores = reference_scores[reference_scores["fold"] == fold]
        tables.append(rank_fold(rows, load_booster(rankers["models"][fold]), scores, originals))
    ranks = pd.concat(tables, ignore_index=True)
    comparison = compare_rankers(ranks, evaluation)
    misses = list_worst_misses(ranks, questions, evaluation.worst_misses)
    return ranks, flatten_metrics(ranks), comparison, plot_comparison(comparison), misses


def build_matcher(
    questions: pd.DataFrame,
    pairs: pd.DataFrame,
    answers: pd.DataFrame,
    rankers: dict[str, Any],
    retrieval: RetrievalParams,
) -> FaqMatcher:
    """Index all originals with all of their duplicates, for use: with the ranker of the first fold."""
    entries = make_entries(questions, pairs, answers)
    return FaqMatcher.build(questions, pairs, entries, load_booster(rankers["models"][0]), retrieval)


def score_questions(
    matcher: FaqMatcher, new_questions: pd.DataFrame, scoring: ScoringParams
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Match a file of new questions with the FAQ.

    Args:
        matcher: The FAQ.
        new_questions: Columns `question_id`, `title`, `body` (HTML or plain text).
        scoring: How many originals to give.

    Returns:
        The best originals of each question with scores and answers, and the questions without any text.
    """
    clean = [clean_html(body) for body in new_questions["body"]]
    table = pd.DataFrame(
        {
            "question_id": new_questions["question_id"],
            "title": [clean_title(title) for title in new_questions["title"]],
            "text": [text for text, _ in clean],
            "code": [code for _, code in clean],
        }
    )
    empty = (table["title"] + table["text"] + table["code"]).str.strip() == ""
    rejected = table.loc[empty, ["question_id"]].assign(reason="no text")
    return matcher.match(table[~empty], scoring.top_k, scoring.workers), rejected
