"""Photos with objects and detections for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.shelf.shapes import detect, make_truth

_PLACES = st.integers(0, 140)
_LENGTHS = st.integers(5, 60)
BOXES = st.lists(st.tuples(_PLACES, _PLACES, _LENGTHS, _LENGTHS).map(lambda box: [float(value) for value in box]))


@st.composite
def judged_photos(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Draw two photos with at least one object, and detections of which some are objects moved a little."""
    photos = {1: draw(BOXES.filter(bool)), 2: draw(BOXES)}
    truth = make_truth(photos)
    found = []
    for photo, boxes in photos.items():
        moved = [[left + draw(st.integers(0, 12)), *rest] for left, *rest in boxes if draw(st.booleans())]
        found += [detect(photo, box, draw(st.integers(1, 99)) / 100) for box in moved + draw(BOXES)]
    return truth, found
