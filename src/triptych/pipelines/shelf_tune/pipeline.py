"""Wire the search for shelf's settings."""

from kedro.pipeline import Pipeline

from triptych.node_tags import GPU
from triptych.pipelines.shelf.pipeline import LEARNED_FROM, create_preparation
from triptych.pipelines.shelf_tune import nodes
from triptych.shelf.params import DetectorSearchParams
from triptych.tuning.pipeline import create_search
from triptych.tuning.plan import SEARCH_PLANS, SearchPlan


def create_pipeline(plan: SearchPlan | None = None) -> Pipeline:
    """Create the pipeline that searches the settings of detector and training."""
    plan = plan or SEARCH_PLANS["shelf"]
    inputs = [*LEARNED_FROM, "params:detector", "params:training"]
    search = create_search("detector", plan, nodes.run_detector_trial, inputs, DetectorSearchParams, GPU)
    return Pipeline([*create_preparation(), *search], namespace="shelf")
