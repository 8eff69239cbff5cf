"""Parameters of a comparison of what was asked with the reference."""

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveInt

from triptych.parameters.base import OpenShare, Params


class DriftParams(Params):
    """When what was asked is called different from the reference."""

    false_alarm_rate: OpenShare = 0.01
    """Chance of an alarm where nothing has changed, over all measures together."""
    min_psi: NonNegativeFloat = 0.1
    """Least population stability index of an alarm: of many requests even a difference without meaning is certain."""
    min_requests: Annotated[int, Field(ge=2)] = 5
    """Fewer requests, or rows of the reference, are not judged."""
    days: PositiveInt = 7
    """Requests of so many days up to the latest are taken from the log."""
    fail: bool = True
    """End the run as a failure (exit code 3) on drift, when the report is saved."""
