"""A search as Optuna sees it: what draws its configurations, and what its plots are made of.

Optuna's own loop needs a storage that all workers reach, and asks for a trial whenever one is free. Neither goes with
nodes that are known before the run and a result that does not depend on the order in which trials end. So its samplers
are asked for a whole rung at once, and its studies live in memory.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from triptych.log_levels import errors_only
from triptych.tuning.params import SearchParams
from triptych.tuning.rungs import best_measurement
from triptych.tuning.trials import Trial

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

_DRAWS_FOR_A_NEW_ONE = 50


def draw_configurations(search: SearchParams) -> list[dict[str, Any]]:
    """Draw the configurations of the first rung, all different as far as the space has as many.

    The first n of a longer search are those of a shorter one with the same seed. A grid has every combination.
    """
    if search.sampler == "grid":
        names = sorted(search.space)
        grid = itertools.product(*(search.space[name].values for name in names))
        return [dict(zip(names, values, strict=True)) for values in grid]
    from optuna.samplers import RandomSampler

    return _ask(make_study(search, [], RandomSampler(search.seed)), search, search.trials, [])


def propose_configurations(search: SearchParams, rung: int, before: Sequence[Trial]) -> list[dict[str, Any]]:
    """Let TPE propose what a rung tries beside the trials that go on.

    Args:
        search: What is searched.
        rung: The rung, not the first.
        before: The trials of the rung before, which all have had the same budget.

    Returns:
        As many configurations as `search.proposals` says, other than those before.
    """
    if not search.proposals[rung]:
        return []
    from optuna.samplers import TPESampler

    sampler = TPESampler(n_startup_trials=0, multivariate=True, constant_liar=True, seed=search.seed + rung)
    return _ask(make_study(search, before, sampler), search, search.proposals[rung], before)


def _ask(study: Study, search: SearchParams, count: int, before: Sequence[Trial]) -> list[dict[str, Any]]:
    space = distributions(search)
    known = [_write(search, trial.config) for trial in before]
    for _ in range(count):
        for _ in range(_DRAWS_FOR_A_NEW_ONE):
            drawn = study.ask(space).params
            if drawn not in known:
                break
        known.append(drawn)
    return [_read(search, drawn) for drawn in known[len(before) :]]


def make_study(search: SearchParams, trials: Sequence[Trial], sampler: BaseSampler | None = None) -> Study:
    """Tell Optuna of trials: each with its best measurement, and with all of them by their budget.

    Args:
        search: What is searched.
        trials: Those that were never measured are left out.
        sampler: What draws further ones.
    """
    import optuna

    space = distributions(search)
    with errors_only("optuna"):  # it logs every study
        study = optuna.create_study(direction="maximize" if search.mode == "max" else "minimize", sampler=sampler)
    for trial in trials:
        if trial.measured:
            frozen = optuna.trial.create_trial(
                value=best_measurement(trial, search).metrics[search.metric],
                params=_write(search, trial.config),
                distributions=space,
                intermediate_values={point.budget: point.metrics[search.metric] for point in trial.measured},
            )
            study.add_trial(frozen)
    return study


def distributions(search: SearchParams) -> dict[str, BaseDistribution]:
    """Give the space as Optuna's distributions; choices are JSON, as Optuna takes no lists."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    space: dict[str, BaseDistribution] = {}
    for name, dimension in sorted(search.space.items()):
        low, high, log = dimension.low or 0, dimension.high or 0, dimension.kind.startswith("log")
        if dimension.kind == "choice":
            space[name] = CategoricalDistribution([json.dumps(value) for value in dimension.values])
        elif dimension.kind.endswith("int"):
            space[name] = IntDistribution(int(low), int(high), log=log)
        else:
            space[name] = FloatDistribution(low, high, log=log)
    return space


def _write(search: SearchParams, config: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name for name, dimension in search.space.items() if dimension.kind == "choice"}
    return {name: json.dumps(config[name]) if name in chosen else config[name] for name in sorted(search.space)}


def _read(search: SearchParams, drawn: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name for name, dimension in search.space.items() if dimension.kind == "choice"}
    return {name: json.loads(value) if name in chosen else value for name, value in drawn.items()}
