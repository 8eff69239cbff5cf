"""What is handed to the registry: a trained model, its model card and whether it is to be promoted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Decision:
    """Whether a model is to be promoted, and the figures behind it.

    Attributes:
        promoted: Whether it is.
        reason: A sentence for people.
        compared_with: The version that was promoted when this was decided; None if there was none.
        figures: The comparison, JSON-able; empty if there was none.
    """

    promoted: bool
    reason: str
    compared_with: int | None = None
    figures: Mapping[str, Any] | None = None

    def describe(self) -> dict[str, Any]:
        """Lay it out flat, for JSON."""
        head = {"promoted": self.promoted, "reason": self.reason, "compared_with": self.compared_with}
        return head | dict(self.figures or {})


@dataclass(frozen=True)
class NewVersion:
    """A model that is to become a version.

    Attributes:
        name: Its name in the registry.
        write: Writes it in MLflow's format to a path that does not exist yet.
        report: Text, or bytes, of each file of its evaluation report, by file name; they go into the model's folder.
        metrics: Logged to the run.
        parameters: Logged to the run, where they are not yet.
        tags: Tags of the version, without the prefix `triptych.`; they are in the record too.
        decision: Whether it is to be promoted.
    """

    name: str
    write: Callable[[Path], None]
    report: Mapping[str, str | bytes]
    metrics: Mapping[str, float]
    parameters: Mapping[str, Any]
    tags: Mapping[str, str]
    decision: Decision
