"""What tags say of a node where each is a step of its own, on Azure ML."""

GPU = frozenset({"gpu"})
"""Runs on the GPU cluster (`compute` in azureml.yml); others run on the CPU cluster."""

DETERMINISTIC = frozenset({"deterministic"})
"""The same inputs and code give the same outputs, so Azure ML may take those of an earlier job.

Not for a node that reads or writes what Azure does not see: work folders, the landing zone, the best configuration of
a search, the model registry.
"""

VERDICT = frozenset({"verdict"})
"""Only judges what the run has made, and fails the run if that is bad: going on from it would judge the same again."""
