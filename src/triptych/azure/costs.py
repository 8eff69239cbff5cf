"""Node hours of a plan, and what they cost at prices that you give: none are known here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from triptych.azure.needs import Needs

__all__ = ["Estimate", "PlanFile", "describe_costs", "estimate", "read_plan_file"]

_Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Minutes = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Prices(BaseModel):
    """What a node of a cluster costs for an hour, in your currency."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    dedicated: _Price
    low_priority: _Price | None = None


class PlanFile(BaseModel):
    """Prices and times of a plan.

    Attributes:
        currency: Written behind amounts.
        prices: By cluster.
        minutes: By step; the start of its node included.
        other_minutes: Of a step that is not named.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    currency: str = ""
    prices: dict[str, Prices] = Field(default_factory=dict)
    minutes: dict[str, _Minutes] = Field(default_factory=dict)
    other_minutes: _Minutes = 5.0


@dataclass(frozen=True)
class Estimate:
    """What one cluster does.

    Attributes:
        cluster: Its name.
        node_hours: Nodes times hours, of all steps.
        dedicated: What these cost; nothing without a price.
        low_priority: The same.
    """

    cluster: str
    node_hours: float
    dedicated: float | None
    low_priority: float | None


def read_plan_file(path: Path, needs: Needs) -> PlanFile:
    """Read prices and times.

    Args:
        path: YAML.
        needs: Of the pipeline: clusters and steps that may be named.

    Raises:
        ValueError: If it is no such file, or names a step or a cluster that the pipeline does not have.
    """
    import yaml

    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} cannot be read as YAML: {error}") from error
    try:
        plan = PlanFile.model_validate(content or {})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ValueError(f"{path}: {faults}") from error
    known = {"prices": {step.cluster for step in needs.steps}, "minutes": {step.name for step in needs.steps}}
    for key, names in (("prices", plan.prices), ("minutes", plan.minutes)):
        unknown = sorted(set(names) - known[key])
        if unknown:
            raise ValueError(f"{path}: {key} has {', '.join(unknown)}; there are {', '.join(sorted(known[key]))}")
    return plan


def estimate(needs: Needs, plan: PlanFile) -> list[Estimate]:
    """Add up node hours by cluster.

    Args:
        needs: Of the pipeline.
        plan: Prices and times. Idle nodes, storage and endpoints are not in it.
    """
    hours: dict[str, float] = {}
    for step in needs.steps:
        minutes = plan.minutes.get(step.name, plan.other_minutes)
        hours[step.cluster] = hours.get(step.cluster, 0.0) + step.nodes * minutes / 60
    return [_price(cluster, taken, plan.prices) for cluster, taken in sorted(hours.items())]


def _price(cluster: str, taken: float, prices: Mapping[str, Prices]) -> Estimate:
    known = prices.get(cluster)
    low = None if known is None or known.low_priority is None else taken * known.low_priority
    return Estimate(cluster, taken, None if known is None else taken * known.dedicated, low)


def describe_costs(name: str, needs: Needs, plan: PlanFile) -> str:
    """Write an estimate for the terminal.

    Args:
        name: Of the pipeline.
        needs: What it needs.
        plan: Prices and times.
    """
    found = estimate(needs, plan)
    guessed = sum(step.name not in plan.minutes for step in needs.steps)
    lines = [
        f"{name}: {len(needs.steps)} steps, {guessed} of them at {plan.other_minutes:g} minutes each as nothing is said"
    ]
    for each in found:
        amounts = [
            f"{kind} {amount:.2f} {plan.currency}".rstrip()
            for kind, amount in (("dedicated", each.dedicated), ("low priority", each.low_priority))
            if amount is not None
        ]
        lines.append(f"{each.cluster}: {each.node_hours:.2f} node hours, {', '.join(amounts) or 'no price given'}")
    for kind, given in (
        ("dedicated", [each.dedicated for each in found]),
        ("low priority", [each.low_priority for each in found]),
    ):
        amounts_given = [amount for amount in given if amount is not None]
        if found and len(amounts_given) == len(found):
            lines.append(f"together {kind}: {sum(amounts_given):.2f} {plan.currency}".rstrip())
    return "\n".join(lines)
