"""Parameters of a search."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from triptych.parameters.base import Params
from triptych.tuning.space import Dimension


class SearchParams(Params):
    """What is searched, for what, and how long a trial may take."""

    searched: ClassVar[tuple[type[Params], ...]] = ()
    """The blocks that the space's hyperparameters belong to; none: any name will do."""
    max_budget: PositiveInt
    """Budget of a trial in the last rung (boosting rounds, epochs)."""
    metric: str
    """The metric that decides, as the trial reports it."""
    tie_breaker: str
    """The metric that decides where the first is equal."""
    space: Annotated[dict[str, Dimension], Field(min_length=1)]
    """The values of each hyperparameter."""
    mode: Literal["max", "min"] = "max"
    """Whether larger or smaller is better, for both metrics."""
    method: Literal["random", "grid"] = "random"
    """`random` draws; `grid` takes every combination, which must be no more than the plan has trials."""
    seed: NonNegativeInt = 0
    """Seed of the draws."""

    @field_validator("space")
    @classmethod
    def _check_names(cls, space: dict[str, Dimension]) -> dict[str, Dimension]:
        known = {name for block in cls.searched for name in block.model_fields}
        unknown = sorted(set(space) - known)
        if cls.searched and unknown:
            names = " and ".join(block.__name__ for block in cls.searched)
            verb = "has" if len(cls.searched) == 1 else "have"
            raise ValueError(f"names {', '.join(unknown)}; {names} {verb} {', '.join(sorted(known))}")
        return space
