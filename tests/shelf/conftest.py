"""What tests of several stages of shelf look at."""

from __future__ import annotations

from collections import Counter

import pytest

from triptych.shelf.data.dataset import PhotoSet


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often each photo is decoded."""
    seen = Counter[str]()
    plain = PhotoSet.read_image

    def watch(self: PhotoSet, index: int, *least: tuple[int, int]) -> object:
        seen[self.images[index]["file_name"]] += 1
        return plain(self, index, *least)

    monkeypatch.setattr(PhotoSet, "read_image", watch)
    return seen
