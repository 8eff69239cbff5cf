"""Wire a search of any shape."""

from collections.abc import Callable, Collection, Sequence
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node

from triptych.node_tags import DETERMINISTIC
from triptych.tuning import nodes
from triptych.tuning.params import SearchParams
from triptych.tuning.plan import SearchPlan


def create_search(
    name: str,
    plan: SearchPlan,
    run_trial: Callable[..., Any],
    inputs: Sequence[str],
    search_type: type[SearchParams] = SearchParams,
    trial_tags: Collection[str] = (),
) -> list[Node]:
    """List the nodes of a search, to go into a workload's namespaced pipeline.

    Args:
        name: Name of the search: parameters `params:<name>_search`, datasets `<name>_trial_r<rung>_<slot>`,
            `<name>_best`, `<name>_leaderboard`, `<name>_configurations_plot`, `<name>_budget_plot`.
        plan: Its shape.
        run_trial: The workload's node function: takes a Trial and `inputs`, gives the trained Trial back.
        inputs: Datasets and parameters that every trial takes after the Trial itself.
        search_type: Type of `params:<name>_search`, where the workload checks the names in its space.
        trial_tags: Further tags of the trials, which say where they run on a cluster.
    """
    params = f"params:{name}_search"
    slots = [[f"{name}_{{}}_r{rung}_{slot:02}" for slot in range(size)] for rung, size in enumerate(plan.sizes)]
    waiting = [[slot.format("queued") for slot in rung] for rung in slots]
    trained = [[slot.format("trial") for slot in rung] for rung in slots]
    draw = _bind(nodes.sample_trials, search_type, plan=plan)
    graph = [Node(draw, params, waiting[0], name=f"sample_trials_{name}", tags={"search_start", *DETERMINISTIC})]
    for rung in range(plan.rungs):
        if rung:
            chosen = _bind(nodes.promote_rung, search_type, plan=plan, rung=rung)
            graph.append(
                Node(
                    chosen,
                    [params, *trained[rung - 1]],
                    waiting[rung],
                    name=f"promote_rung_{name}_r{rung}",
                    tags=DETERMINISTIC,
                )
            )
        graph += [
            Node(
                run_trial,
                [before, *inputs],
                after,
                name=f"{run_trial.__name__}_r{rung}_{slot:02}",
                tags={"trial", *trial_tags, *DETERMINISTIC},
            )
            for slot, (before, after) in enumerate(zip(waiting[rung], trained[rung], strict=True))
        ]
    everything = [slot for rung in trained for slot in rung]
    report = [f"{name}_best", f"{name}_leaderboard", f"{name}_configurations_plot", f"{name}_budget_plot"]
    choose = _bind(nodes.select_best, search_type)
    return [*graph, Node(choose, [params, *everything], report, name=f"select_best_{name}")]


def _bind(function: Callable[..., Any], search_type: type[SearchParams], **bound: Any) -> Callable[..., Any]:
    """Fix keyword arguments and the type of `search`; the result pickles, and Kedro reads its name and types."""
    fixed = update_wrapper(partial(function, **bound), function)
    fixed.__annotations__ = {**function.__annotations__, "search": search_type}
    return fixed
