"""What a workspace lacks is listed, whichever of its errors Azure's SDK raises for it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from azure.ai.ml.exceptions import ErrorCategory, ErrorTarget, MlException, ValidationErrorType, ValidationException
from azure.core.exceptions import ResourceNotFoundError

from triptych.azure.needs import Needs, Step
from triptych.azure.workspace import find_missing

NEEDS = Needs(
    steps=[Step("shelf.train_detector", "gpu", 2, 1, "pytorch", False)],
    nodes_at_once={"gpu": 2},
    assets_read=["photos"],
    assets_made=[],
    addresses=[],
    environment="triptych@latest",
)


class Collection:
    """Clusters, environments or data: gives what it has, or raises."""

    def __init__(self, error: Exception | None = None, **found: Any) -> None:
        self._error, self._found = error, SimpleNamespace(**found)

    def get(self, name: str, **_: str) -> Any:
        if self._error:
            raise self._error
        return self._found


def client(**changed: Collection) -> Any:
    parts = {"compute": Collection(max_instances=2), "environments": Collection(), "data": Collection()}
    return SimpleNamespace(**{**parts, **changed})


def invalid(kind: ValidationErrorType) -> ValidationException:
    words: dict[str, Any] = {"message": "no", "no_personal_data_message": "no", "target": ErrorTarget.ASSET}
    words |= {"error_category": ErrorCategory.USER_ERROR, "error_type": kind}
    return ValidationException(**words)


def in_words(finding: Exception) -> MlException:
    """As azure-ai-ml raises it from `data.get(name, label="latest")`."""
    error = MlException(message="no", no_personal_data_message="no")
    error.__context__ = finding
    return error


def test_nothing_is_missing() -> None:
    assert find_missing(client(), NEEDS) == []


@pytest.mark.parametrize(
    "error",
    [
        ResourceNotFoundError("no"),
        invalid(ValidationErrorType.RESOURCE_NOT_FOUND),
        in_words(invalid(ValidationErrorType.RESOURCE_NOT_FOUND)),
    ],
)
@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("compute", "there is no cluster gpu"),
        ("environments", "there is no environment triptych@latest"),
        ("data", "there is no data asset photos"),
    ],
)
def test_what_is_not_there_is_named(part: str, told: str, error: Exception) -> None:
    (fault,) = find_missing(client(**{part: Collection(error)}), NEEDS)
    assert fault.startswith(told)


def test_a_cluster_that_is_too_small_is_named() -> None:
    (fault,) = find_missing(client(compute=Collection(max_instances=1)), NEEDS)
    assert fault.startswith("gpu has 1 nodes at most, a step needs 2")


@pytest.mark.parametrize("wrap", [lambda finding: finding, in_words])
def test_any_other_error_is_shown(wrap: Callable[[Exception], Exception]) -> None:
    with pytest.raises(MlException):
        find_missing(client(data=Collection(wrap(invalid(ValidationErrorType.INVALID_VALUE)))), NEEDS)
