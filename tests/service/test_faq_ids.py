"""A FAQ whose ids are text is answered from as any other."""

from __future__ import annotations

import pytest

from triptych.service.routes.faq import Match


@pytest.mark.parametrize(("original", "answer"), [(12, -1), ("INC-123", "INC-124"), ("INC-123", "-1")])
def test_a_match_has_the_ids_that_the_model_gave(original: int | str, answer: int | str) -> None:
    row = {"rank": 1, "score": 0.5, "probability": 0.5, "verdict": "match", "title": "a", "answer": ""}
    match = Match.model_validate({**row, "original_id": original, "answer_id": answer, "question_id": 1})
    assert (match.original_id, match.answer_id) == (original, answer)
