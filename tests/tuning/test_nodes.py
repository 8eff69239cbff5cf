"""The nodes of a search, without Kedro."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tuning.toys import count_steps, make_trial, search_params
from triptych.tuning.nodes import Place, fingerprint_search, select_best, take_share
from triptych.tuning.params import SearchParams
from triptych.tuning.trials import Trial, TrialBatch

SEARCH = search_params(trials=6, rungs=2, eta=3, slots=2)


def share(search: SearchParams, rung: int, slot: int, before: list[list[Trial]] = [], data: str = "d") -> TrialBatch:  # noqa: B006
    return take_share(search, Place(rung, slot, search.shape), before, data, count_steps)


def results(*scores: float | None, **changes: Any) -> list[Trial]:
    """Give a rung's trials of SEARCH with these scores."""
    given = {"search": fingerprint_search(SEARCH, "d", {}), **changes}
    return [
        make_trial(number, score, status="failed" if score is None else "done", **given)
        for number, score in enumerate(scores)
    ]


def test_the_nodes_of_a_rung_share_its_trials() -> None:
    shares = [share(SEARCH, 0, slot).trials for slot in range(2)]
    assert [[trial.number for trial in trials] for trials in shares] == [[0, 2, 4], [1, 3, 5]]
    assert {(trial.budget, trial.status, trial.history) for trials in shares for trial in trials} == {
        (3, "waiting", ())
    }
    assert shares[0] == share(SEARCH, 0, 0).trials


def test_what_the_first_rung_gives_is_told_from_the_others() -> None:
    trials = results(*map(float, range(6)))
    assert not share(SEARCH, 0, 0).later
    assert share(SEARCH, 1, 0, [trials[::2], trials[1::2]]).later


def test_how_many_share_them_does_not_change_them() -> None:
    alone = share(SEARCH.replace(slots=1), 0, 0).trials
    shared = sorted(share(SEARCH, 0, 0).trials + share(SEARCH, 0, 1).trials, key=lambda trial: trial.number)
    assert alone == shared


def test_a_search_is_known_by_all_that_shapes_its_result() -> None:
    changes: list[dict[str, Any]] = [{}, {"seed": 1}, {"max_budget": 18}, {"trials": 7}, {"sampler": "tpe"}]
    prints = [share(SEARCH.replace(**change), 0, 0).search for change in changes]
    prints.append(share(SEARCH, 0, 0, data="other").search)
    assert len(set(prints)) == len(prints)


def test_a_search_is_known_by_the_settings_that_it_does_not_search() -> None:
    def search(**settings: Any) -> str:
        return take_share(SEARCH, Place(0, 0, SEARCH.shape), [], "d", count_steps, settings).search

    assert len({search(), search(depth=3), search(depth=4)}) == 3
    assert search(depth=3, x=0.1) == search(depth=3, x=0.2)  # each trial has an x of its own


def test_the_best_of_all_nodes_go_on() -> None:
    trials = results(*map(float, range(6)))
    before = [trials[::2], trials[1::2]]
    promoted = [share(SEARCH, 1, slot, before).trials for slot in range(2)]
    assert [[(trial.number, trial.budget) for trial in trials] for trials in promoted] == [[(5, 9)], [(4, 9)]]


def test_tpe_adds_trials_with_numbers_of_their_own() -> None:
    search = search_params(sampler="tpe", slots=1)
    name = fingerprint_search(search, "d", {})
    before = [make_trial(n, -abs(n / 9 - 0.5), config={"x": n / 9}, search=name) for n in range(9)]
    trials = share(search, 1, 0, [before]).trials
    assert [trial.number for trial in trials][3:] == [9, 10, 11]
    assert {trial.budget for trial in trials} == {3}
    assert [trial.history for trial in trials][3:] == [(), (), ()]


def test_trials_of_different_searches_never_meet() -> None:
    mixed = [*results(*map(float, range(5))), make_trial(5, 1.0, search="other")]
    with pytest.raises(ValueError, match="different searches.*without --only-missing-outputs"):
        share(SEARCH, 1, 0, [mixed])
    with pytest.raises(ValueError, match="different searches.*without --only-missing-outputs"):
        share(SEARCH, 1, 0, [results(*map(float, range(6)))], data="other")


def test_a_trial_that_is_missing_is_noticed() -> None:
    with pytest.raises(ValueError, match="run the search without --only-missing-outputs"):
        share(SEARCH, 1, 0, [results(*map(float, range(5)))])


def test_a_graph_of_other_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="the pipeline has 2, 2 nodes in its rungs, the parameters ask for 3, 2"):
        take_share(SEARCH.replace(slots=3), Place(0, 0, SEARCH.shape), [], "d", count_steps)


def test_the_best_is_the_best_of_every_rung_with_what_the_training_chose() -> None:
    first = results(3.0, 2.0, None, 0.0, 0.0, 0.0)
    last = [make_trial(0, 3.0, 1.0, search=first[0].search), make_trial(1, 2.0, 0.0, search=first[0].search)]
    best, table, configurations, budgets, _ = select_best(SEARCH, first[::2], first[1::2], last, [], shape=(2, 2))
    assert best["config"] == {"x": 0.0}
    assert (best["trial"], best["budget"], best["metrics"]["score"]) == (0, 1, 3.0)
    assert (best["trials"], best["trials_failed"], best["trial_seconds"]) == (6, 1, 8.0)
    assert (best["data"], best["search"]) == ("d", first[0].search)
    assert table["trial"].tolist() == [0, 1, 3, 4, 5, 2]
    assert len(budgets.data) == 5
    assert configurations.data


def test_no_best_if_every_trial_failed() -> None:
    search = search_params(trials=2, rungs=1, slots=1)
    trials = [make_trial(number, None, status="failed") for number in range(2)]
    with pytest.raises(ValueError, match="all 2 trials failed: ValueError: broken"):
        select_best(search, trials, shape=(1,))
