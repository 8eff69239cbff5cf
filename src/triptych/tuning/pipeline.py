"""Wire a search of any shape."""

from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node

from triptych.tuning import nodes
from triptych.tuning.plan import SearchPlan


def create_search(name: str, plan: SearchPlan, run_trial: Callable[..., Any], inputs: Sequence[str]) -> list[Node]:
    """List the nodes of a search, to go into a workload's namespaced pipeline.

    Args:
        name: Name of the search: parameters `params:<name>_search`, datasets `<name>_trial_r<rung>_<slot>`,
            `<name>_best`, `<name>_leaderboard`, `<name>_configurations_plot`, `<name>_budget_plot`.
        plan: Its shape.
        run_trial: The workload's node function: takes a Trial and `inputs`, gives the trained Trial back.
        inputs: Datasets and parameters that every trial takes after the Trial itself.
    """
    params = f"params:{name}_search"
    slots = [[f"{name}_{{}}_r{rung}_{slot:02}" for slot in range(size)] for rung, size in enumerate(plan.sizes)]
    waiting = [[slot.format("queued") for slot in rung] for rung in slots]
    trained = [[slot.format("trial") for slot in rung] for rung in slots]
    graph = [Node(_bind(nodes.sample_trials, plan=plan), params, waiting[0], name=f"sample_trials_{name}")]
    for rung in range(plan.rungs):
        if rung:
            chosen = _bind(nodes.promote_rung, plan=plan, rung=rung)
            graph.append(Node(chosen, [params, *trained[rung - 1]], waiting[rung], name=f"promote_rung_{name}_r{rung}"))
        graph += [
            Node(run_trial, [before, *inputs], after, name=f"{run_trial.__name__}_r{rung}_{slot:02}", tags=["trial"])
            for slot, (before, after) in enumerate(zip(waiting[rung], trained[rung], strict=True))
        ]
    everything = [slot for rung in trained for slot in rung]
    report = [f"{name}_best", f"{name}_leaderboard", f"{name}_configurations_plot", f"{name}_budget_plot"]
    return [*graph, Node(nodes.select_best, [params, *everything], report, name=f"select_best_{name}")]


def _bind(function: Callable[..., Any], **bound: Any) -> Callable[..., Any]:
    """Fix keyword arguments; the result pickles, and keeps the name and annotations that Kedro reads."""
    return update_wrapper(partial(function, **bound), function)
