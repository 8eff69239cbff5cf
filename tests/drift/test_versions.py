from __future__ import annotations

import pandas as pd
import pytest

from triptych.drift.versions import MODEL, match_versions, number_model
from triptych.errors import InputError

REFERENCE = pd.DataFrame({"score": [0.1, 0.2], MODEL: [7, 7]})


def test_a_number_is_that_of_its_parts_and_no_float_rounds_it() -> None:
    assert number_model(b"a", b"b") == number_model(b"a", b"b")
    assert len({number_model(*parts) for parts in ([b"ab"], [b"a", b"b"], [b"", b"ab"], [b"a"])}) == 4
    assert all(int(float(number_model(bytes([i])))) == number_model(bytes([i])) for i in range(100))


def test_only_requests_of_the_reference_s_own_model_are_compared() -> None:
    asked = pd.DataFrame({"score": [0.3, 0.4, 0.5], MODEL: [7, 8, None]})
    reference, requests = match_versions(REFERENCE, asked)
    assert reference["score"].tolist() == [0.1, 0.2]
    assert MODEL not in reference
    assert requests["score"].tolist() == [0.3]


@pytest.mark.parametrize("asked", [pd.DataFrame({"score": [0.3], MODEL: [8]}), pd.DataFrame({"score": [0.3]})])
def test_requests_of_another_model_alone_are_refused(asked: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="none of the 1 requests was answered by the model that the reference is of"):
        match_versions(REFERENCE, asked)


def test_a_reference_from_before_there_were_numbers_is_compared_with_all() -> None:
    asked = pd.DataFrame({"score": [0.3, 0.4], MODEL: [8, 9]})
    assert match_versions(REFERENCE[["score"]], asked)[1]["score"].tolist() == [0.3, 0.4]
