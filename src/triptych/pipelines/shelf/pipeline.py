"""Wire the shelf workload: from annotated photos to the report and the registered detector."""

from kedro.pipeline import Node, Pipeline

from triptych.node_tags import DETERMINISTIC, GPU
from triptych.pipelines.shelf import nodes

LEARNED_FROM = ["photos", "annotations", "roles"]
"""What a detector learns from."""


def create_pipeline() -> Pipeline:
    """Create the pipeline from annotated photos to the report and the registered detector."""
    return Pipeline(
        [
            *create_preparation(),
            Node(
                nodes.draw_training_batch,
                [*LEARNED_FROM, "params:detector", "params:training", "detector_best"],
                "training_batch",
                name="draw_training_batch",
            ),
            Node(
                nodes.train_detector,
                [*LEARNED_FROM, "checkpoints", "params:detector", "params:training", "detector_best"],
                ["model", "training_log", "training_report", "training_plot"],
                name="train_detector",
                tags=GPU,
            ),
            Node(
                nodes.evaluate_detector,
                [*LEARNED_FROM, "model", "training_report", "params:evaluation"],
                ["detections", "metrics", "counts", "precision_recall_plot", "overlays", "overlay_sheet"],
                name="evaluate_detector",
                tags=GPU | DETERMINISTIC,
            ),
            Node(
                nodes.measure_reference_photos,
                [*LEARNED_FROM, "model", "detections"],
                "drift_reference",
                name="measure_reference_photos",
                tags=DETERMINISTIC,
            ),
            Node(
                nodes.register_detector,
                [
                    *LEARNED_FROM,
                    "model",
                    "drift_reference",
                    "training_report",
                    "detections",
                    "metrics",
                    "counts",
                    "precision_recall_plot",
                    "overlay_sheet",
                    "model_registry",
                    "params:registration",
                    "params:evaluation",
                ],
                "registration",
                name="register_detector",
                tags=GPU,
            ),
        ],
        namespace="shelf",
    )


def create_preparation() -> list[Node]:
    """List the nodes from raw photos to their roles, which a search starts with as well."""
    return [
        Node(
            nodes.ingest_photos,
            ["raw", "params:ingest"],
            ["photos", "annotations", "quarantine", "data_report"],
            name="ingest_photos",
            tags=DETERMINISTIC,
        ),
        Node(
            nodes.split_photos,
            ["photos", "annotations", "params:split"],
            ["roles", "split_report"],
            name="split_photos",
            tags=DETERMINISTIC,
        ),
    ]
