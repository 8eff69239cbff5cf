"""A pipeline's needs in words and columns."""

from __future__ import annotations

from collections.abc import Sequence

from triptych.azure.needs import Needs, Step
from triptych.azure.snapshots import LIMIT_BYTES, Snapshot

__all__ = ["describe_needs"]


def describe_needs(name: str, needs: Needs, snapshot: Snapshot) -> str:
    """Write a text for the terminal.

    Args:
        name: Of the pipeline.
        needs: What it needs.
        snapshot: What is uploaded with it.
    """
    rows = [("STEP", "CLUSTER", "NODES", "KIND", "REUSED"), *map(_list_columns, needs.steps)]
    clusters = [
        f"{cluster}: nodes at work at once, if it has as many: {count}"
        for cluster, count in sorted(needs.nodes_at_once.items())
    ]
    return "\n".join(
        [
            f"{name}: {len(needs.steps)} steps in {needs.environment}",
            "",
            *_align(rows),
            "",
            *clusters,
            f"data assets read: {', '.join(needs.assets_read) or 'none'}",
            f"data assets made: {', '.join(needs.assets_made) or 'none'}",
            *(f"blob storage: {address}" for address in needs.addresses),
            f"snapshot: {len(snapshot.sizes)} files, {snapshot.total_bytes / 1e6:.1f} MB "
            f"(limit {LIMIT_BYTES / 1e6:.0f} MB)",
        ]
    )


def _list_columns(step: Step) -> tuple[str, ...]:
    nodes = f"{step.nodes} x {step.processes}" if step.processes > 1 else str(step.nodes)
    return step.name, step.cluster, nodes, step.distribution or "-", "yes" if step.reusable else "no"


def _align(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
