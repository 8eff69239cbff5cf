"""Node hours, and amounts at prices that are given."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.azure.costs import PlanFile, describe_costs, estimate, read_plan_file
from triptych.azure.needs import Needs, Step


def step(name: str, cluster: str, nodes: int = 1) -> Step:
    return Step(name, cluster, nodes, 1, "", False)


NEEDS = Needs([step("a", "cpu"), step("b", "gpu", 2), step("c", "gpu")], {}, [], [], [], "env")
PLAN = """
currency: EUR
prices:
  cpu: {dedicated: 0.2, low_priority: 0.05}
  gpu: {dedicated: 1.0}
minutes: {b: 90}
other_minutes: 30
"""


def test_nodes_times_hours(tmp_path: Path) -> None:
    (tmp_path / "my plan's.yml").write_text(PLAN)
    plan = read_plan_file(tmp_path / "my plan's.yml", NEEDS)
    cpu, gpu = estimate(NEEDS, plan)
    assert (cpu.node_hours, cpu.dedicated, cpu.low_priority) == pytest.approx((0.5, 0.1, 0.025))
    assert (gpu.node_hours, gpu.dedicated, gpu.low_priority) == (3.5, 3.5, None)
    text = describe_costs("x", NEEDS, plan)
    assert "gpu: 3.50 node hours, dedicated 3.50 EUR" in text
    assert "together dedicated: 3.60 EUR" in text
    assert "together low priority" not in text  # gpu's is not known
    assert "2 of them at 30 minutes" in text


def test_without_prices_there_are_hours_only() -> None:
    text = describe_costs("x", NEEDS, PlanFile())
    assert "no price given" in text
    assert "together" not in text
    assert describe_costs("x", Needs([], {}, [], [], [], "env"), PlanFile()).startswith("x: 0 steps")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("prices: {gpu: {dedicatd: 1}}", "prices.gpu.dedicated: Field required; prices.gpu.dedicatd: Extra inputs"),
        ("prices: {gpu: {dedicated: -1}}", "greater than or equal to 0"),
        ("prices: {gpu: {dedicated: .inf}}", "finite"),
        ("prices: {gpu-clustre: {dedicated: 1}}", "prices has gpu-clustre; there are cpu, gpu"),
        ("minutes: {d: 1}", "minutes has d; there are a, b, c"),
        ("minuts: {}", "minuts: Extra inputs"),
        ("- 1", "valid dictionary"),
        ("a: [", "cannot be read as YAML"),
    ],
)
def test_typos_are_named(text: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "plan.yml").write_text(text)
    with pytest.raises(ValueError, match="plan.yml") as info:
        read_plan_file(tmp_path / "plan.yml", NEEDS)
    assert fault in str(info.value)
