"""What stands where on a shelf: rows of boards, bays between uprights, products in facings, and facings left empty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

import numpy as np

LIP = 0.055
"""Height of a board's front edge, which carries the price tags."""
UPRIGHT = 0.022
"""Width of the posts between bays."""

Kind = Literal["box", "stack", "bottle", "jar", "can", "bag", "carton"]
KINDS: tuple[Kind, ...] = ("box", "stack", "bottle", "jar", "can", "bag", "carton")


@dataclass(frozen=True)
class Product:
    """What fills a facing."""

    kind: Kind
    """Shape."""
    width: float
    """Width of one facing."""
    height: float
    """Height as it stands there, piled up to `levels`."""
    levels: int
    """How many are piled on each other."""
    look: int
    """Seed of colours and label."""


@dataclass(frozen=True)
class Facing:
    """One place for a product at the front of a board."""

    left: float
    """Where it begins."""
    right: float
    """Where it ends."""
    product: Product
    """What belongs there."""
    empty: bool = False
    """Whether it counts as empty."""
    setback: float = 0.0
    """Where the first product stands, as a share of the board's depth; at or beyond 1 there is none."""


@dataclass(frozen=True)
class Cell:
    """The opening between two boards and two uprights."""

    left: float
    """Inner side of the left upright."""
    right: float
    """Inner side of the right upright."""
    ceiling: float
    """y of the underside of the board above."""
    floor: float
    """y of the board's surface."""
    facings: tuple[Facing, ...] = ()
    """From left to right, without space between them."""


@dataclass(frozen=True)
class Gap:
    """Neighbouring empty facings of one cell; they are annotated as one."""

    cell: int
    """Position of the cell."""
    first: int
    """Position of the first empty facing."""
    last: int
    """Position of the last one."""


@dataclass(frozen=True)
class Shelf:
    """A whole shelf."""

    depth: float
    """Depth of the boards."""
    boards: tuple[float, ...]
    """y of the boards' surfaces, from top to bottom."""
    uprights: tuple[float, ...]
    """x of the uprights' middles."""
    cells: tuple[Cell, ...] = field(repr=False)
    """All openings."""

    def find_gaps(self) -> Iterator[Gap]:
        """Yield the longest runs of empty facings."""
        for number, cell in enumerate(self.cells):
            start = None
            for i, empty in enumerate([*(facing.empty for facing in cell.facings), False]):
                if empty and start is None:
                    start = i
                elif not empty and start is not None:
                    yield Gap(number, start, i - 1)
                    start = None

    def restock(self, gap: Gap) -> Shelf:
        """Fill a gap with the products that belong there."""
        cell = self.cells[gap.cell]
        facings = tuple(
            replace(facing, empty=False, setback=0.0) if gap.first <= i <= gap.last else facing
            for i, facing in enumerate(cell.facings)
        )
        cells = list(self.cells)
        cells[gap.cell] = replace(cell, facings=facings)
        return replace(self, cells=tuple(cells))


def draw_shelf(rng: np.random.Generator, reach: tuple[float, float, float, float], *, stocked: bool) -> Shelf:
    """Draw a shelf that covers at least a region.

    Args:
        rng: Source of chance.
        reach: Left, top, right and bottom of the region.
        stocked: Leave no facing empty.
    """
    left, top, right, bottom = reach
    pitch = rng.uniform(0.36, 0.5)
    # Now and then the lowest board is in the photo, with the floor below.
    lowest = rng.uniform(0.22, 0.42) if rng.random() < 0.2 else bottom + rng.uniform(0, pitch)
    boards = np.arange(lowest, top - pitch, -pitch)[::-1]
    boards = boards + rng.uniform(-0.03, 0.03, len(boards))
    bay = rng.uniform(0.95, 1.6)
    uprights = np.arange(left - rng.uniform(0, bay), right + bay, bay)
    emptiness = 0.0 if stocked else rng.uniform(0.12, 0.26)
    assortment = [int(look) for look in rng.integers(0, 2**31, 24)]
    cells = [
        Cell(
            a + UPRIGHT / 2, b - UPRIGHT / 2, upper + LIP, lower, _fill(rng, a, b, lower - upper, emptiness, assortment)
        )
        for upper, lower in pairwise(boards.tolist())
        for a, b in pairwise(uprights.tolist())
    ]
    return Shelf(rng.uniform(0.26, 0.36), tuple(boards.tolist()), tuple(uprights.tolist()), tuple(cells))


def _fill(
    rng: np.random.Generator, left: float, right: float, pitch: float, emptiness: float, looks: list[int]
) -> tuple[Facing, ...]:
    """Fill a cell with runs of the same product, a few facings each, some of them empty."""
    start, stop = left + UPRIGHT / 2, right - UPRIGHT / 2
    facings: list[tuple[Product, bool]] = []
    while (used := sum(product.width for product, _ in facings)) < stop - start - 0.06:
        product = _draw_product(rng, pitch - LIP, looks)
        count = min(int(rng.integers(1, 6)), max(1, int((stop - start - used) / product.width)))
        run = [False] * count
        if rng.random() < emptiness:
            run = [True] * count
        elif rng.random() < emptiness * 1.6:
            run[int(rng.integers(count))] = True
        facings += [(product, empty) for empty in run]
    scale = (stop - start) / sum(product.width for product, _ in facings)
    edges = start + scale * np.cumsum([0.0, *(product.width for product, _ in facings)])
    return tuple(
        Facing(float(a), float(b), replace(product, width=float(b - a)), empty, _draw_setback(rng, empty))
        for (product, empty), a, b in zip(facings, edges[:-1], edges[1:], strict=True)
    )


def _draw_setback(rng: np.random.Generator, empty: bool) -> float:
    """Draw how far back the first product stands.

    A facing counts as empty if nothing stands on the front 70 % of its board. What is pushed back by up to 30 %
    counts as stocked. Nothing in between is drawn.
    """
    if empty:
        return float(rng.uniform(0.7, 0.85)) if rng.random() < 0.12 else 1.0
    return float(rng.uniform(0.12, 0.3)) if rng.random() < 0.06 else float(rng.uniform(0, 0.04))


def _draw_product(rng: np.random.Generator, clearance: float, looks: list[int]) -> Product:
    kind = KINDS[int(rng.choice(len(KINDS), p=[0.24, 0.16, 0.18, 0.1, 0.12, 0.1, 0.1]))]
    narrow, wide = {"box": (0.13, 0.24), "stack": (0.16, 0.3), "bottle": (0.085, 0.13), "jar": (0.11, 0.15)}.get(
        kind, (0.1, 0.14) if kind in ("can", "carton") else (0.15, 0.22)
    )
    levels = {"stack": int(rng.integers(2, 5)), "can": 2 if clearance < 0.36 else 3, "jar": 2}.get(kind, 1)
    height = clearance * rng.uniform(0.8, 0.95)
    return Product(kind, float(rng.uniform(narrow, wide)), float(height), levels, looks[int(rng.integers(len(looks)))])
