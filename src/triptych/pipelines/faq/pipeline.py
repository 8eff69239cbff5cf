"""Wire the faq workload: from raw posts to the report and the registered matcher."""

from kedro.pipeline import Node, Pipeline

from triptych.node_tags import DETERMINISTIC
from triptych.pipelines.faq import nodes


def create_pipeline() -> Pipeline:
    """Create the pipeline from raw posts to the report and the matcher."""
    return Pipeline(
        [
            *create_preparation(),
            Node(
                nodes.train_ranker,
                ["features", "params:ranker", "params:probability", "ranker_best"],
                "rankers",
                name="train_ranker",
            ),
            Node(
                nodes.train_reference,
                ["questions", "roles", "features", "params:reference", "reference_best"],
                ["reference_scores", "reference_report"],
                name="train_reference",
            ),
            Node(
                nodes.estimate_probabilities,
                ["features", "rankers", "params:probability"],
                "probabilities",
                name="estimate_probabilities",
                tags=DETERMINISTIC,
            ),
            Node(
                nodes.plot_probabilities,
                "probabilities",
                ["reliability_plot", "coverage_plot"],
                name="plot_probabilities",
                tags=DETERMINISTIC,
            ),
            Node(
                nodes.evaluate_rankers,
                [
                    "questions",
                    "roles",
                    "features",
                    "rankers",
                    "reference_scores",
                    "probabilities",
                    "names",
                    "params:evaluation",
                ],
                ["ranks", "metrics", "comparison", "comparison_plot", "worst_misses"],
                name="evaluate_rankers",
                tags=DETERMINISTIC,
            ),
            Node(
                nodes.build_matcher,
                ["questions", "pairs", "answers", "names", "encoders", "rankers", "params:retrieval"],
                "matcher",
                name="build_matcher",
                tags=DETERMINISTIC,
            ),
            Node(
                nodes.measure_reference_questions,
                ["matcher", "questions", "roles", "params:evaluation"],
                "drift_reference",
                name="measure_reference_questions",
                tags=DETERMINISTIC,
            ),
            Node(
                nodes.register_matcher,
                [
                    "matcher",
                    "drift_reference",
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


def create_preparation() -> list[Node]:
    """List the nodes from raw posts to features, which a search starts with as well."""
    return [
        Node(
            nodes.ingest_posts,
            ["raw", "params:ingest"],
            ["posts", "links", "names"],
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
            [
                "questions",
                "pairs",
                "answers",
                "params:split",
                "params:encoder",
                "params:encoder_training",
                "params:retrieval",
                "params:evaluation",
            ],
            ["roles", "encoders", "features", "split_report"],
            name="featurize_candidates",
            tags=DETERMINISTIC,
        ),
    ]
