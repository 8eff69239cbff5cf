"""Wire the comparison of what is asked with the reference."""

from kedro.pipeline import Node, Pipeline

from triptych.drift import nodes
from triptych.node_tags import VERDICT


def create_comparison(workload: str) -> Pipeline:
    """Create a workload's pipeline that reports drift, and fails on it.

    Args:
        workload: The namespace.
    """
    return Pipeline(
        [
            Node(nodes.read_asked, ["request_log", "params:drift"], "asked", name="read_asked"),
            Node(
                nodes.compare_asked,
                ["drift_reference", "asked", "params:drift"],
                ["drift", "drift_metrics", "drift_plot"],
                name="compare_asked",
            ),
            Node(nodes.judge_asked, ["drift", "params:drift"], None, name="judge_asked", tags=VERDICT),
        ],
        namespace=workload,
    )
