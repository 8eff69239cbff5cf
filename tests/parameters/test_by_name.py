from __future__ import annotations

import pytest

from triptych.shelf.params import TrainingParams


def test_a_field_can_be_read_as_from_a_dict() -> None:
    assert TrainingParams(num_nodes=3)["num_nodes"] == 3
    with pytest.raises(KeyError, match="nodes"):
        TrainingParams()["nodes"]
