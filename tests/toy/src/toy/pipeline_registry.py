"""One pipeline."""

from kedro.pipeline import Node, Pipeline

from toy.nodes import draw, join, left, right


def register_pipelines() -> dict[str, Pipeline]:
    """Build the pipeline."""
    nodes = [
        Node(draw, "params:draw", "numbers", name="draw"),
        Node(left, ["numbers", "params:fail"], "left_numbers", name="left", tags="side"),
        Node(right, {"fail": "params:fail", "numbers": "numbers"}, "right_numbers", name="right", tags="side"),
        Node(join, ["left_numbers", "right_numbers"], "joined", name="join"),
    ]
    toy = Pipeline(nodes, namespace="toy")
    return {"__default__": toy, "toy": toy}
