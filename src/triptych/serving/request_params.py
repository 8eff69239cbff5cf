"""Parameters of a request to a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["complete_params"]


def complete_params(given: Mapping[str, Any] | None, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Put defaults in the place of what was not given.

    Args:
        given: As MLflow hands them on. One that is null counts as not given: MLflow lets it through whatever its type.
        defaults: By name.
    """
    return {**defaults, **{name: value for name, value in (given or {}).items() if value is not None}}
