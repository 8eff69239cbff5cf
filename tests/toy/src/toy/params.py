"""Parameters with everything a block may hold."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class CoinParams:
    """A block within a block."""

    bias: float = 0.5
    """Chance of heads, in (0, 1)."""

    def __post_init__(self) -> None:
        if not 0 < self.bias < 1:
            raise ValueError(f"bias must be in (0, 1), got {self.bias}")


@dataclass(frozen=True)
class DrawParams:
    """How numbers are drawn."""

    count: int = 3
    """Numbers drawn, at least 1."""
    scale: float = 1.0
    """Factor of every number, above 0."""
    kind: Literal["odd", "even"] = "odd"
    """Which numbers."""
    offsets: tuple[int, ...] = ()
    """Added one after the other."""
    coin: CoinParams = field(default_factory=CoinParams)
    """The coin."""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count must be at least 1, got {self.count}")
        if not self.scale > 0:
            raise ValueError(f"scale must be above 0, got {self.scale}")


@dataclass(frozen=True)
class FailParams:
    """Where the pipeline fails."""

    at: Literal["nowhere", "left", "right"] = "nowhere"
    """The node that raises."""
