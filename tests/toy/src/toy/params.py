"""Parameters with everything a block may hold."""

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from triptych.parameters.base import OpenShare, Params


class CoinParams(Params):
    """A block within a block."""

    bias: OpenShare = 0.5
    """Chance of heads, in (0, 1)."""


class DrawParams(Params):
    """How numbers are drawn."""

    count: PositiveInt = 3
    """Numbers drawn, at least 1."""
    scale: PositiveFloat = 1.0
    """Factor of every number, above 0."""
    kind: Literal["odd", "even"] = "odd"
    """Which numbers."""
    offsets: tuple[int, ...] = ()
    """Added one after the other."""
    coin: CoinParams = Field(default_factory=CoinParams)
    """The coin."""


class FailParams(Params):
    """Where the pipeline fails."""

    at: Literal["nowhere", "left", "right"] = "nowhere"
    """The node that raises."""
