"""Wire the search for shelf's settings."""

from kedro.pipeline import Pipeline

from triptych.node_tags import GPU
from triptych.pipelines.shelf.pipeline import LEARNED_FROM, create_preparation
from triptych.pipelines.shelf_tune import nodes
from triptych.shelf.params import DetectorSearchParams
from triptych.tuning.pipeline import create_search


def create_pipeline() -> Pipeline:
    """Create the pipeline that searches the settings of detector and training."""
    inputs = [*LEARNED_FROM, "params:detector", "params:training"]
    search = create_search("shelf", "detector", DetectorSearchParams, nodes.run_detector_trials, inputs, GPU)
    return Pipeline([*create_preparation(), *search], namespace="shelf")
