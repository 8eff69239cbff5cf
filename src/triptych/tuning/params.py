"""Parameters of a search."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

from triptych.parameters.base import Params, check_value
from triptych.parameters.problem import is_block, list_problems
from triptych.tuning.space import Dimension

Tuned = Literal[True, False, "any_data"]
"""Whether what a search found is used: on the data that it was found on, never, or on any."""


class SearchParams(Params):
    """What is searched, how widely, for what, and how long a trial may take."""

    searched: ClassVar[tuple[type[Params], ...]] = ()
    """The blocks that the space's hyperparameters belong to; none: any name will do."""
    reported: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The metrics that trials report, by the mode that they are for; none: any name will do."""
    trials: PositiveInt = 16
    """Configurations in the first rung; `grid` has as many as there are combinations."""
    rungs: PositiveInt = 3
    """Rungs of successive halving; 1 gives every configuration the whole budget."""
    eta: Annotated[int, Field(ge=2)] = 4
    """Of each rung the best 1 / eta go on, with eta times the budget."""
    slots: PositiveInt = 4
    """Nodes a rung, at most: they share its trials, and each trains its own one after the other."""
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
    sampler: Literal["random", "tpe", "grid"] = "random"
    """`random` draws; `tpe` draws, and adds to the rungs between the first and the last what Optuna's TPE proposes from
    the one before; `grid` takes every combination of choices."""
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

    @field_validator("space")
    @classmethod
    def _check_values(cls, space: dict[str, Dimension]) -> dict[str, Dimension]:
        """See that trials can be trained with the values; what one field asks of another shows in training only."""
        for block in cls.searched:
            for name in space.keys() & block.model_fields.keys():
                for value in space[name].ends:
                    _check_field(name, block.model_fields[name], value)
        return space

    @model_validator(mode="after")
    def _check_shape(self) -> Any:
        least = self.eta ** (self.rungs - 1)
        if self.max_budget < least:
            raise ValueError(
                f"max_budget must be at least {least} for {self.rungs} rungs, each with {self.eta} times the budget, "
                f"got {self.max_budget}"
            )
        ranges = sorted(name for name, dimension in self.space.items() if dimension.kind != "choice")
        if self.sampler == "grid" and ranges:
            raise ValueError(f"sampler grid needs kind choice for every hyperparameter; {', '.join(ranges)} are not")
        return self

    @model_validator(mode="after")
    def _check_metrics(self) -> Any:
        known = self.reported.get(self.mode, ())
        for field, metric in (("metric", self.metric), ("tie_breaker", self.tie_breaker)):
            if self.reported and metric not in known:
                names = " or ".join(known) or "another"
                raise ValueError(f"{field} must be {names} for mode {self.mode}, got {metric!r}")
        return self

    @property
    def survivors(self) -> tuple[int, ...]:
        """Trials of each rung, without proposals of TPE: all in the first, then the best 1 / eta."""
        first = math.prod(len(dim.values) for dim in self.space.values()) if self.sampler == "grid" else self.trials
        return tuple(max(first // self.eta**rung, 1) for rung in range(self.rungs))

    @property
    def proposals(self) -> tuple[int, ...]:
        """Trials that TPE adds to each rung: as many as survive, but none to the first and the last."""
        within = range(1, self.rungs - 1) if self.sampler == "tpe" else ()
        return tuple(size if rung in within else 0 for rung, size in enumerate(self.survivors))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Trials of each rung."""
        return tuple(map(sum, zip(self.survivors, self.proposals, strict=True)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Nodes of each rung."""
        return tuple(min(self.slots, size) for size in self.sizes)

    def first_number(self, rung: int) -> int:
        """Give the number of the first trial that is new in a rung."""
        return sum((self.survivors[0], *self.proposals[1:rung])) if rung else 0

    def budget(self, rung: int) -> int:
        """Give the budget that a trial has used up at the end of a rung; the last rung's is `max_budget`."""
        share = float(self.eta) ** (rung + 1 - self.rungs)
        return max(round(self.max_budget * share), 1)


def _check_field(name: str, field: FieldInfo, value: Any) -> None:
    annotation: Any = field.annotation
    if not is_block(annotation):
        annotation = Annotated[(annotation, Field(), *field.metadata)]
    try:
        check_value(annotation, value)
    except ValidationError as error:
        raise ValueError(str(list_problems(error, field.annotation, value, name)[0])) from error
