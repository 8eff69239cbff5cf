"""Wire the searches for faq's settings."""

from kedro.pipeline import Pipeline

from triptych.faq.params import RankerSearchParams, ReferenceSearchParams
from triptych.pipelines.faq.pipeline import create_preparation
from triptych.pipelines.faq_tune import nodes
from triptych.tuning.pipeline import create_search


def create_pipeline() -> Pipeline:
    """Create the pipeline that searches the settings of the ranker and of the reference's method."""
    ranker = ["features", "params:ranker"]
    reference = ["questions", "roles", "features", "params:reference"]
    return Pipeline(
        [
            *create_preparation(),
            *create_search("faq", "ranker", RankerSearchParams, nodes.run_ranker_trials, ranker),
            *create_search("faq", "reference", ReferenceSearchParams, nodes.run_reference_trials, reference),
        ],
        namespace="faq",
    )
