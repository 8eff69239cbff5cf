"""Wire a search, with as many nodes as the parameters of the run ask for."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial, update_wrapper
from typing import Any

from kedro.pipeline import Node

from triptych.node_tags import DETERMINISTIC
from triptych.tuning import nodes
from triptych.tuning.params import SearchParams

_given: dict[str, SearchParams] = {}


def use_parameters(parameters: Mapping[str, Any]) -> None:
    """Let searches created from now on have the shape that these parameters give them.

    Kedro creates pipelines without the parameters of the run, and more than once; so they are kept here.

    Args:
        parameters: Those of a run, with searches as SearchParams (`<workload>.<search>_search`); empty for the default.
    """
    _given.clear()
    for workload, blocks in parameters.items():
        if isinstance(blocks, Mapping):
            searches = {name: block for name, block in blocks.items() if isinstance(block, SearchParams)}
            _given.update({f"{workload}.{name}": block for name, block in searches.items()})


def create_search(
    workload: str,
    name: str,
    search_type: type[SearchParams],
    run_trials: Callable[..., Any],
    inputs: Sequence[str],
    trial_tags: Collection[str] = (),
) -> list[Node]:
    """List the nodes of a search, to go into a workload's namespaced pipeline.

    All have the tag `<name>_search`.

    Args:
        workload: The namespace.
        name: Name of the search: parameters `params:<name>_search`, datasets `<name>_trials_r<rung>_<slot>`,
            `<name>_best`, `<name>_leaderboard` and `<name>_{configurations,budget,importances}_plot`.
        search_type: Type of its parameters.
        run_trials: The workload's node function: takes the search's parameters, `inputs`, the trials of each node of
            the rung before, and its `place` by name; gives a TrialBatch.
        inputs: Datasets and parameters that trials are trained with.
        trial_tags: Further tags of the nodes that train, which say where they run on a cluster.
    """
    params = f"params:{name}_search"
    shape = _given.get(f"{workload}.{name}_search", search_type.model_construct()).shape
    trials = [[f"{name}_trials_r{rung}_{slot:02}" for slot in range(slots)] for rung, slots in enumerate(shape)]
    graph = [
        Node(
            _bind(run_trials, place=nodes.Place(rung, slot, shape)),
            [params, *inputs, *(trials[rung - 1] if rung else [])],
            output,
            name=f"{run_trials.__name__}_r{rung}_{slot:02}",
            tags={f"{name}_search", "trials", f"rung_{rung}", *trial_tags, *DETERMINISTIC},
        )
        for rung, outputs in enumerate(trials)
        for slot, output in enumerate(outputs)
    ]
    plots = [f"{name}_{plot}_plot" for plot in ("configurations", "budget", "importances")]
    choose = _bind(nodes.select_best, shape=shape)
    choose.__annotations__ = {**nodes.select_best.__annotations__, "search": search_type}
    return [
        *graph,
        Node(
            choose,
            [params, *(output for outputs in trials for output in outputs)],
            [f"{name}_best", f"{name}_leaderboard", *plots],
            name=f"select_best_{name}",
            tags=f"{name}_search",
        ),
    ]


def _bind(function: Callable[..., Any], **bound: Any) -> Callable[..., Any]:
    """Fix keyword arguments; the result pickles, and Kedro reads its name and types."""
    return update_wrapper(partial(function, **bound), function)
