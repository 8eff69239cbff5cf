"""Parameters of a search."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tuning.toys import search_params


@pytest.mark.parametrize(
    ("changes", "name"), [({"max_budget": 0}, "max_budget"), ({"space": {}}, "space"), ({"seed": -1}, "seed")]
)
def test_values_out_of_range_are_refused(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        search_params(**changes)
