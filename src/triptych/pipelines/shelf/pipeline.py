"""Wire the shelf workload: from annotated photos to a registered detector, the search for its settings, scoring."""

from kedro.pipeline import Node, Pipeline

from triptych.pipelines.shelf import nodes
from triptych.pipelines.shelf.params import DetectorSearchParams
from triptych.steps import DETERMINISTIC, GPU
from triptych.tuning.pipeline import create_search
from triptych.tuning.plan import SearchPlan

_LEARNED_FROM = ["photos", "annotations", "roles"]


def create_pipeline(**_: object) -> Pipeline:
    """Create the pipeline from annotated photos to the report and the registered detector."""
    return Pipeline(
        [
            *_prepare(),
            Node(
                nodes.train_detector,
                [*_LEARNED_FROM, "checkpoints", "params:detector", "params:training", "detector_best"],
                ["model", "training_log", "training_report", "training_plot"],
                name="train_detector",
                tags=GPU,
            ),
            Node(
                nodes.evaluate_detector,
                [*_LEARNED_FROM, "model", "training_report", "params:evaluation"],
                ["detections", "metrics", "counts", "precision_recall_plot", "overlays", "overlay_sheet"],
                name="evaluate_detector",
                tags=GPU | DETERMINISTIC,
            ),
            Node(
                nodes.register_detector,
                [
                    *_LEARNED_FROM,
                    "model",
                    "training_report",
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


def create_tune_pipeline(plan: SearchPlan, **_: object) -> Pipeline:
    """Create the pipeline that searches the settings of detector and training."""
    inputs = [*_LEARNED_FROM, "params:detector", "params:training"]
    search = create_search("detector", plan, nodes.run_detector_trial, inputs, DetectorSearchParams, GPU)
    return Pipeline([*_prepare(), *search], namespace="shelf")


def create_score_pipeline(**_: object) -> Pipeline:
    """Create the pipeline that finds the empty spaces on a folder of new photos."""
    return Pipeline(
        [
            Node(
                nodes.score_photos,
                ["model", "new_photos", "scored", "params:scoring"],
                ["new_detections", "new_counts", "rejected_photos", "new_overlays"],
                name="score_photos",
                tags=GPU,
            )
        ],
        namespace="shelf",
    )


def _prepare() -> list[Node]:
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
