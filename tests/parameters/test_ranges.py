from __future__ import annotations

import math

import pytest

from triptych.parameters.ranges import check_at_least, check_model_name, check_share, check_within


@pytest.mark.parametrize("value", [0, 0.5, 0.999])
def test_a_share_is_below_one(value: float) -> None:
    check_share("share", value)


@pytest.mark.parametrize("value", [-0.1, 1, math.nan])
def test_what_is_no_share_is_refused_by_name(value: float) -> None:
    with pytest.raises(ValueError, match=r"^share must be in \[0, 1\)"):
        check_share("share", value)


def test_a_share_may_have_to_be_above_zero() -> None:
    with pytest.raises(ValueError, match=r"^share must be in \(0, 1\), got 0"):
        check_share("share", 0, zero=False)


def test_the_ends_of_a_range_are_in_it() -> None:
    check_within(1, 2, least=1, most=2)
    with pytest.raises(ValueError, match=r"^odd must be in \[1, 2\], got 3"):
        check_within(1, 2, least=1, odd=3)


def test_no_value_may_be_below_the_least() -> None:
    check_at_least(1, first=1, second=5)
    with pytest.raises(ValueError, match="^second must be at least 1, got 0"):
        check_at_least(1, first=1, second=0)


@pytest.mark.parametrize("name", ["", "a/b", "-a", "a" * 201, "ä"])
def test_names_the_registry_would_refuse_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="^name must be 1 to 200"):
        check_model_name(name)
