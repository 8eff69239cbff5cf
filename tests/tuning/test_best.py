"""Using what a search found, or saying why not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import PositiveInt

from triptych.parameters.base import Params
from triptych.tuning.best import apply_best


class Settings(Params):
    rate: float = 0.1
    rounds: PositiveInt = 10


def test_the_best_takes_the_place_of_what_it_names() -> None:
    assert apply_best(Settings(), {"config": {"rate": 0.5}, "trial": 3}, "faq.x_best") == Settings(rate=0.5)


def test_without_a_search_the_settings_stay() -> None:
    settings = Settings()
    assert apply_best(settings, {}, "faq.x_best") is settings


@pytest.mark.parametrize("best", [{"config": {"gone": 1}}, {"config": {"rounds": 0}}, {"trial": 1}])
def test_a_file_that_does_not_fit_is_named_with_the_way_out(best: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="faq.x_best does not fit.*delete it, or search anew"):
        apply_best(Settings(), best, "faq.x_best")
