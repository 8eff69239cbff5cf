from __future__ import annotations

from typing import Any

import pytest

from triptych.faq.dump.posts import PostSelection


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tags": "javascript"}, "tags must be a sequence"),
        ({"background_every": -1}, "background_every must be at least 0"),
        ({"workers": -1}, "workers must be at least 0"),
    ],
)
def test_bad_selection_names_the_field(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PostSelection(**arguments)


def test_tags_from_a_list() -> None:
    assert PostSelection(tags=["a", "b"]).tags == ("a", "b")
