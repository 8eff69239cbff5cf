"""The nodes of a search; the workload brings those that train trials, and calls `take_share` in them."""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from triptych.errors import StartAnewError
from triptych.tuning.leaderboard import latest, plot_search, tabulate_trials
from triptych.tuning.params import SearchParams
from triptych.tuning.rungs import best_measurement, check_some_done, promote, rank_trials
from triptych.tuning.study import draw_configurations, propose_configurations
from triptych.tuning.trials import START_ANEW, Train, Trial, TrialBatch

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where a node stands in the graph of a search."""

    rung: int
    slot: int
    shape: tuple[int, ...]
    """Nodes of each rung."""


def take_share(
    search: SearchParams,
    place: Place,
    before: Sequence[list[Trial]],
    data: str,
    train: Train,
    settings: Mapping[str, Any] | None = None,
) -> TrialBatch:
    """Find the trials that a node has to train.

    Every node of a rung lists all trials of the rung, from the same results, and takes every n-th of them.

    Args:
        search: What is searched.
        place: The node's.
        before: The trials of each node of the rung before; none in the first rung.
        data: Fingerprint of what trials learn from and are measured on.
        train: Trains a trial.
        settings: What trials are trained with and have in common, by field; those in the space do not matter.

    Returns:
        The trials, which are trained when they are saved.

    Raises:
        StartAnewError: If every trial of the rung before has failed, or they are not all trials of this search's rung.
    """
    fingerprint = fingerprint_search(search, data, settings or {})
    budget = search.budget(place.rung)
    if place.rung == 0:
        _check_shape(search, place.shape)
        known: list[Trial] = []
        new = draw_configurations(search)
    else:
        trials = _gather(search, place.shape, before, range(place.rung - 1, place.rung), fingerprint)
        known = promote(trials, search, place.rung)
        new = propose_configurations(search, place.rung, trials)
    first = search.first_number(place.rung)
    rung = known + [Trial(first + i, fingerprint, data, config, budget) for i, config in enumerate(new)]
    mine = rung[place.slot :: place.shape[place.rung]]
    numbers = ", ".join(str(trial.number) for trial in mine)
    _logger.info("Rung %d of %d, up to a budget of %d: trials %s", place.rung + 1, search.rungs, budget, numbers)
    return TrialBatch(mine, train, later=place.rung > 0)


def select_best(
    search: SearchParams, *batches: list[Trial], shape: tuple[int, ...]
) -> tuple[dict[str, Any], pd.DataFrame, go.Figure, go.Figure, go.Figure]:
    """Choose the best configuration and report the search.

    Args:
        search: What was searched.
        batches: The trials of each node, rung by rung.
        shape: Nodes of each rung.

    Returns:
        The best configuration with its figures, the leaderboard, and plots of configurations, budgets and importances.

    Raises:
        StartAnewError: If every trial has failed, or they are not all trials of one search.
    """
    trials = latest(_gather(search, shape, batches, range(len(shape))))
    check_some_done(trials)
    best = rank_trials(trials, search)[0]
    measured = best_measurement(best, search)
    summary = {
        "config": best.config | measured.chosen,
        "trial": best.number,
        "budget": measured.budget,
        "metrics": measured.metrics,
        "trials": len(trials),
        "trials_failed": sum(trial.status == "failed" for trial in trials),
        "trial_seconds": sum(trial.seconds for trial in trials),
        "search": best.search,
        "data": best.data,
    }
    return summary, tabulate_trials(trials, search), *plot_search(trials, search)


def fingerprint_search(search: SearchParams, data: str, settings: Mapping[str, Any]) -> str:
    """Tell apart searches that would not find the same; how many nodes share the work makes no difference."""
    common = {name: value for name, value in settings.items() if name not in search.space}
    described = json.dumps([search.model_dump(exclude={"slots"}), data, common], sort_keys=True, default=str)
    return hashlib.sha256(described.encode()).hexdigest()[:16]


def _gather(
    search: SearchParams, shape: tuple[int, ...], batches: Sequence[list[Trial]], rungs: range, of: str = ""
) -> list[Trial]:
    """Put the trials of some rungs together, in the order of their numbers, and see that they are what they should be.

    Args:
        search: What is searched.
        shape: Nodes of each rung in the graph.
        batches: The trials of each node.
        rungs: The rungs that they are of.
        of: The fingerprint that they should have, if it is known.
    """
    _check_shape(search, shape)
    trials = sorted((trial for batch in batches for trial in batch), key=lambda trial: trial.number)
    expected = sum(search.sizes[rung] for rung in rungs)
    if len({trial.search for trial in trials} | ({of} if of else set())) > 1 or len(trials) != expected:
        raise StartAnewError(
            "the trials on disk are of different searches (space, seed, data or another parameter has changed): "
            f"{START_ANEW}"
        )
    return trials


def _check_shape(search: SearchParams, shape: tuple[int, ...]) -> None:
    if search.shape != shape:
        raise ValueError(
            f"the pipeline has {_join(shape)} nodes in its rungs, the parameters ask for {_join(search.shape)}: "
            "the hook SearchShape, which makes the pipeline from the parameters, is missing in settings.py"
        )


def _join(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))
