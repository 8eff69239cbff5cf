"""Wire the searches for faq's settings."""

from kedro.pipeline import Pipeline

from triptych.faq.params import RankerSearchParams, ReferenceSearchParams
from triptych.pipelines.faq.pipeline import create_preparation
from triptych.pipelines.faq_tune import nodes
from triptych.tuning.pipeline import create_search
from triptych.tuning.plan import SEARCH_PLANS, SearchPlan


def create_pipeline(plan: SearchPlan | None = None) -> Pipeline:
    """Create the pipeline that searches the settings of the ranker and of the reference's method."""
    plan = plan or SEARCH_PLANS["faq"]
    ranker = ["features", "params:ranker"]
    reference = ["questions", "roles", "features", "params:reference"]
    return Pipeline(
        [
            *create_preparation(),
            *create_search("ranker", plan, nodes.run_ranker_trial, ranker, RankerSearchParams),
            *create_search("reference", plan, nodes.run_reference_trial, reference, ReferenceSearchParams),
        ],
        namespace="faq",
    )
