"""Using what a search found, or saying why not."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from pydantic import PositiveInt

from triptych.parameters.base import Params
from triptych.shelf.params import DetectorParams
from triptych.tuning.best import apply_best
from triptych.tuning.params import Tuned


class Settings(Params):
    rate: float = 0.1
    rounds: PositiveInt = 10
    tuned: Tuned = True


class Model(Params):
    width: PositiveInt = 8


BEST = {"config": {"rate": 0.5, "rounds": 7}, "trial": 3, "data": "d"}
USED = Settings(rate=0.5, rounds=7)


@pytest.fixture(autouse=True)
def informative(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "triptych")


def apply(settings: Settings, best: dict[str, Any], data: str = "d") -> Settings:
    (found,) = apply_best({"faq.x": settings}, best, "faq.x_best", data)
    assert isinstance(found, Settings)
    return found


def test_the_best_takes_the_place_of_defaults() -> None:
    assert apply(Settings(), BEST) == USED


def test_what_is_set_explicitly_stays_and_the_log_says_where_all_comes_from(caplog: pytest.LogCaptureFixture) -> None:
    assert apply(Settings(rounds=100), BEST) == Settings(rate=0.5, rounds=100)
    assert caplog.messages == [
        "Settings of faq.x\n"
        "  from faq.x_best (trial 3): rate=0.5\n"
        "  set explicitly: rounds=100 (the search found 7)\n"
        "  default: tuned=True"
    ]


def test_without_a_search_the_settings_stay(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(rate=0.2)
    assert apply(settings, {}) is settings
    assert caplog.messages == ["Settings of faq.x\n  set explicitly: rate=0.2\n  default: rounds=10, tuned=True"]


def test_a_search_that_is_not_wanted_is_passed_over_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(tuned=False)
    assert apply(settings, {**BEST, "data": "other"}) is settings
    assert [record.levelname for record in caplog.records] == ["INFO"]


@pytest.mark.parametrize("best", [{**BEST, "data": "other"}, {"config": BEST["config"], "trial": 3}])
def test_what_was_found_on_other_data_is_used_only_if_accepted(
    best: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert apply(Settings(), best) == Settings()
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith("faq.x_best is not used: it was found on other data or features than those at hand.")
    assert "Search anew with `kedro run --pipelines faq_tune`, or " in warning
    assert "--params faq.x.tuned=any_data" in warning
    assert apply(Settings(tuned="any_data"), best) == USED.replace(tuned="any_data")


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"gone": 1}, "it names gone, which faq.x do not have"),
        ({"rounds": 0}, "faq.x.rounds: must be above 0, got 0"),
        ({}, "it names nothing"),
    ],
)
@pytest.mark.parametrize("tuned", [True, "any_data"])
def test_what_does_not_fit_is_not_used_and_the_way_out_is_named(
    config: dict[str, Any], fault: str, tuned: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(tuned=tuned)
    assert apply(settings, {**BEST, "config": config}) == settings
    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith(f"faq.x_best is not used: {fault}")
    assert warning.endswith("Search anew with `kedro run --pipelines faq_tune`, or delete it.")


@pytest.mark.parametrize("best", [[], ["best"], "best", {"config": None}, {"config": [1]}])
def test_a_file_that_no_search_has_written_is_not_used(best: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert apply(Settings(tuned="any_data"), best) == Settings(tuned="any_data")
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warned == [message for message in warned if "is not used: it " in message]
    assert len(warned) == bool(best)


def test_what_does_not_fit_to_what_is_set_explicitly_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    # The search has found both ends, of which one is set explicitly.
    best = {"config": {"min_size_px": 200, "max_size_px": 400}, "trial": 3, "data": "d"}
    detector = DetectorParams().with_fields_set(()).replace(min_size_px=420)
    found = apply_best({"shelf.detector": detector, "x": Settings()}, best, "shelf.detector_best", "d")
    assert found == [detector, Settings()]
    assert "is not used: shelf.detector.max_size_px: must be at least min_size_px (420), got 400" in caplog.text


def test_a_configuration_is_divided_among_blocks() -> None:
    best = {**BEST, "config": {"rate": 0.5, "width": 4}}
    found = apply_best({"faq.model": Model(), "faq.x": Settings()}, best, "faq.x_best", "d")
    assert found == [Model(width=4), Settings(rate=0.5)]
    best = {**BEST, "config": {"rate": 0.5, "width": 0}}
    assert apply_best({"faq.model": Model(), "faq.x": Settings()}, best, "faq.x_best", "d") == [Model(), Settings()]
