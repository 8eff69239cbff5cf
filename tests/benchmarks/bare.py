"""What a bare machine has: the packages of benchmarks/gpu_wheels.py and what they depend on, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import distribution, requires
from pathlib import Path

from packaging.requirements import Requirement


def needs_of(name: str) -> set[str]:
    """List the distributions that an installed one asks for here."""
    found = [Requirement(text) for text in requires(name) or []]
    return {normalise(need.name) for need in found if not need.marker or need.marker.evaluate({"extra": ""})}


def closure_of(names: Iterable[str]) -> set[str]:
    """List distributions and all that they depend on."""
    found: set[str] = set()
    waiting = [normalise(name) for name in names]
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += needs_of(name)
    return found


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def link_packages(names: Iterable[str], folder: Path) -> None:
    """Fill a folder of packages with links to what distributions installed."""
    for name in names:
        for file in distribution(name).files or []:
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (folder / top).exists():
                (folder / top).symlink_to(Path(str(distribution(name).locate_file(top))))
