"""Who goes on, and who wins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.toys import make_trial, search_params
from triptych.tuning.rungs import best_measurement, promote, rank_trials
from triptych.tuning.trials import Measurement, Trial

SEARCH = search_params()


def measured(number: int, *figures: tuple[float, float]) -> Trial:
    history = tuple(Measurement(i, {"score": s, "second": t}, 1.0) for i, (s, t) in enumerate(figures, 1))
    return make_trial(number, history=history)


@given(st.lists(st.none() | st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 12), st.randoms())
def test_the_best_go_on_whatever_the_order(scores: list[int | None], size: int, random: object) -> None:
    search = search_params(trials=size, rungs=1)  # what matters of it is how many go on
    trials = [
        make_trial(i, None if score is None else float(score), status="failed" if score is None else "done")
        for i, score in enumerate(scores)
    ]
    if all(score is None for score in scores):
        with pytest.raises(ValueError, match=f"all {len(trials)} trials failed: ValueError: broken"):
            promote(trials, search, 0)
        return
    promoted = promote(trials, search, 0)
    assert len(promoted) == min(size, len(trials))
    gone_on = [trial.number for trial in promoted if trial.status == "waiting"]
    order = sorted((i for i, score in enumerate(scores) if score is not None), key=lambda i: (-(scores[i] or 0), i))
    assert gone_on == order[: len(promoted)]
    assert all(trial.budget == 9 for trial in promoted if trial.status == "waiting")
    # Failed ones only fill what is left.
    assert len(gone_on) == len(promoted) or len(gone_on) == len(order)
    shuffled = list(trials)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [t.number for t in promote(shuffled, search, 0) if t.status == "waiting"] == gone_on


def test_a_promoted_trial_keeps_checkpoint_and_history(tmp_path: Path) -> None:
    trial = make_trial(0, 1.0, checkpoint=tmp_path)
    (promoted,) = promote([trial], SEARCH, 2)
    assert promoted == replace(trial, budget=9, status="waiting")


def test_ties_go_to_the_tie_breaker_and_then_to_the_lower_number() -> None:
    trials = [measured(0, (1.0, 0.1)), measured(1, (1.0, 0.3)), measured(2, (1.0, 0.3)), measured(3, (2.0, 0.0))]
    assert [trial.number for trial in rank_trials(trials, SEARCH)] == [3, 1, 2, 0]


def test_smaller_is_better_if_so_said() -> None:
    trials = [measured(0, (1.0, 0.2)), measured(1, (1.0, 0.1)), measured(2, (0.5, 9.0))]
    search = search_params(mode="min")
    assert [trial.number for trial in rank_trials(trials, search)] == [2, 1, 0]
    assert best_measurement(measured(0, (1.0, 0.2), (0.5, 0.2)), search).budget == 2


def test_a_trial_counts_with_its_best_rung_and_of_equal_ones_the_cheapest() -> None:
    assert best_measurement(measured(0, (2.0, 0.0), (1.0, 5.0)), SEARCH).budget == 1
    assert best_measurement(measured(0, (2.0, 0.0), (2.0, 0.5)), SEARCH).budget == 2
    assert best_measurement(measured(0, (2.0, 0.0), (2.0, 0.0)), SEARCH).budget == 1


def test_a_failure_in_a_later_rung_keeps_the_score_but_does_not_go_on() -> None:
    failed_late = make_trial(0, 5.0, None, status="failed")
    other, never = make_trial(1, 1.0), make_trial(2, None, status="failed")
    assert [t.number for t in rank_trials([never, other, failed_late], SEARCH)] == [0, 1, 2]
    first, second, _ = promote([failed_late, other, never], SEARCH, 1)
    assert (first.number, first.status) == (1, "waiting")
    assert second.status == "failed"


def test_a_metric_that_no_trial_reports_is_named() -> None:
    with pytest.raises(ValueError, match=r"trials report \['score', 'second'\], not gain"):
        rank_trials([make_trial(0, 1.0)], search_params(metric="gain"))
