"""Wire the faq workload: from raw posts to ranked answers, and the searches for its settings."""

from kedro.pipeline import Node, Pipeline

from triptych.pipelines.faq import nodes
from triptych.pipelines.faq.params import RankerSearchParams, ReferenceSearchParams
from triptych.steps import DETERMINISTIC
from triptych.tuning.pipeline import create_search
from triptych.tuning.plan import SearchPlan


def create_pipeline(**_: object) -> Pipeline:
    """Create the pipeline from raw posts to the report and the matcher."""
    return Pipeline(
        [
            *_prepare(),
            Node(nodes.train_ranker, ["features", "params:ranker", "ranker_best"], "rankers", name="train_ranker"),
            Node(
                nodes.train_reference,
                ["questions", "roles", "features", "params:reference", "reference_best"],
                ["reference_scores", "reference_report"],
                name="train_reference",
            ),
            Node(
                nodes.evaluate_rankers,
                ["questions", "roles", "features", "rankers", "reference_scores", "params:evaluation"],
                ["ranks", "metrics", "comparison", "comparison_plot", "worst_misses"],
                name="evaluate_rankers",
                tags=DETERMINISTIC,
            ),
            Node(
                nodes.build_matcher,
                ["questions", "pairs", "answers", "rankers", "params:retrieval"],
                "matcher",
                name="build_matcher",
                tags=DETERMINISTIC,
            ),
            Node(
                nodes.register_matcher,
                [
                    "matcher",
                    "rankers",
                    "questions",
                    "pairs",
                    "roles",
                    "features",
                    "metrics",
                    "comparison",
                    "comparison_plot",
                    "model_registry",
                    "params:registration",
                    "params:evaluation",
                    "params:split",
                    "params:retrieval",
                ],
                "registration",
                name="register_matcher",
            ),
        ],
        namespace="faq",
    )


def create_tune_pipeline(plan: SearchPlan, **_: object) -> Pipeline:
    """Create the pipeline that searches the settings of the ranker and of the reference's method."""
    ranker = ["features", "params:ranker"]
    reference = ["questions", "roles", "features", "params:reference"]
    return Pipeline(
        [
            *_prepare(),
            *create_search("ranker", plan, nodes.run_ranker_trial, ranker, RankerSearchParams),
            *create_search("reference", plan, nodes.run_reference_trial, reference, ReferenceSearchParams),
        ],
        namespace="faq",
    )


def create_score_pipeline(**_: object) -> Pipeline:
    """Create the pipeline that answers a file of new questions."""
    return Pipeline(
        [
            Node(
                nodes.score_questions,
                ["matcher", "new_questions", "params:scoring"],
                ["matches", "rejected_questions"],
                name="score_questions",
                tags=DETERMINISTIC,
            )
        ],
        namespace="faq",
    )


def _prepare() -> list[Node]:
    return [
        Node(
            nodes.ingest_posts,
            ["raw", "params:ingest"],
            ["posts", "links"],
            name="ingest_posts",
            tags=DETERMINISTIC,
        ),
        Node(
            nodes.clean_questions,
            ["posts", "links", "params:filter"],
            ["questions", "pairs", "answers", "data_report"],
            name="clean_questions",
            tags=DETERMINISTIC,
        ),
        Node(
            nodes.featurize_candidates,
            ["questions", "pairs", "params:split", "params:retrieval", "params:evaluation"],
            ["roles", "features", "split_report"],
            name="featurize_candidates",
            tags=DETERMINISTIC,
        ),
    ]
