"""Wire the faq workload: from raw posts to ranked answers."""

from kedro.pipeline import Node, Pipeline

from triptych.pipelines.faq import nodes


def create_pipeline(**_: object) -> Pipeline:
    """Create the pipeline from raw posts to the report and the matcher."""
    return Pipeline(
        [
            Node(nodes.ingest_posts, ["raw", "params:ingest"], ["posts", "links"], name="ingest_posts"),
            Node(
                nodes.clean_questions,
                ["posts", "links", "params:filter"],
                ["questions", "pairs", "answers", "data_report"],
                name="clean_questions",
            ),
            Node(
                nodes.featurize_candidates,
                ["questions", "pairs", "params:split", "params:retrieval", "params:evaluation"],
                ["roles", "features", "split_report"],
                name="featurize_candidates",
            ),
            Node(nodes.train_ranker, ["features", "params:ranker"], "rankers", name="train_ranker"),
            Node(
                nodes.train_reference,
                ["questions", "roles", "features", "params:reference"],
                ["reference_scores", "reference_report"],
                name="train_reference",
            ),
            Node(
                nodes.evaluate_rankers,
                ["questions", "roles", "features", "rankers", "reference_scores", "params:evaluation"],
                ["ranks", "metrics", "comparison", "comparison_plot", "worst_misses"],
                name="evaluate_rankers",
            ),
            Node(
                nodes.build_matcher,
                ["questions", "pairs", "answers", "rankers", "params:retrieval"],
                "matcher",
                name="build_matcher",
            ),
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
            )
        ],
        namespace="faq",
    )
