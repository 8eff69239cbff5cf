"""Use what a search found."""

import logging
from collections.abc import Mapping
from typing import Any, TypeVar

from triptych.parameters.base import Params

_logger = logging.getLogger(__name__)
Settings = TypeVar("Settings", bound=Params)


def apply_best(settings: Settings, best: Mapping[str, Any], name: str) -> Settings:
    """Put a search's best configuration in the place of the settings it names.

    Args:
        settings: A block of parameters.
        best: What `select_best` gave; empty if there was no search.
        name: The dataset it comes from, for messages.

    Raises:
        ValueError: If it names settings that there are not, or values that they refuse.
    """
    if not best:
        return settings
    try:
        tuned = settings.replace(**best["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name} does not fit these parameters ({error}): delete it, or search anew") from error
    _logger.info("Using trial %s of %s: %s", best.get("trial"), name, best["config"])
    return tuned
