"""Paint products into a shelf."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from triptych.samples.canvas import Canvas, Picture, as_picture, fill, ramp
from triptych.samples.packaging import Look, draw_front, draw_look
from triptych.samples.shelf_layout import Cell, Facing, Kind


@dataclass(frozen=True)
class Block:
    """The space that products fill, and how much light falls there."""

    left: float
    """x of the left side."""
    right: float
    """x of the right side."""
    top: float
    """y of the top."""
    bottom: float
    """y of the bottom."""
    near: float
    """z of the front."""
    far: float
    """z of the back."""
    light: float
    """Light at the shelf's front."""
    depth: float
    """Depth of the shelf."""

    def light_at(self, z: float) -> float:
        """Light that reaches a depth of the shelf."""
        return float(self.light * (1 - 0.85 * min(1.0, z / self.depth) ** 0.8))


def paint_stock(canvas: Canvas, cell: Cell, depth: float, light: float, rng: np.random.Generator) -> None:
    """Paint the products of a cell so that nearer ones cover others: outer ones first, their sides face the middle.

    Args:
        canvas: Where to; its window is the cell's opening.
        cell: The opening.
        depth: Depth of the boards.
        light: Light at the shelf's front.
        rng: Source of chance.
    """
    middle = canvas.camera.position[0]
    for facing in sorted(cell.facings, key=lambda f: -abs((f.left + f.right) / 2 - middle)):
        # Drawn for empty facings too, so that filling one leaves the others as they are.
        slack = 0.03 * facing.product.width * rng.uniform(0.3, 1.2, 2)
        shade = light * float(rng.uniform(0.94, 1.04))
        if facing.setback < 1:
            space = Block(
                left=facing.left + float(slack[0]),
                right=facing.right - float(slack[1]),
                top=cell.floor - facing.product.height,
                bottom=cell.floor,
                near=facing.setback * depth,
                far=0.96 * depth,
                light=shade,
                depth=depth,
            )
            _paint_facing(canvas, facing, space)


def _paint_facing(canvas: Canvas, facing: Facing, space: Block) -> None:
    product, look = facing.product, draw_look(facing.product.look)
    edges = np.linspace(space.bottom, space.top, product.levels + 1).tolist()
    levels = [
        Block(space.left, space.right, top, bottom, space.near, space.far, space.light, space.depth)
        for bottom, top in pairwise(edges)
    ]
    if product.kind in ("box", "stack"):
        for block in levels:
            _paint_boxes(canvas, block, look)
    else:
        _paint_shadow(canvas, space)
        _paint_rows(canvas, product.kind, levels, look)


def _draw_front(canvas: Canvas, kind: Kind, block: Block, look: Look) -> Picture:
    lower_left = (block.left, block.bottom, block.near)
    width = canvas.length(lower_left, (block.right, block.bottom, block.near))
    height = canvas.length(lower_left, (block.left, block.top, block.near))
    return draw_front(kind, look, max(4, width), max(6, height))


def _dim(picture: Picture, light: float) -> Picture:
    return picture * as_picture([light, light, light, 1])


def _paint_boxes(canvas: Canvas, block: Block, look: Look) -> None:
    """Paint a row of boxes one behind the other as one long box."""
    left, right, top, bottom, near, far = block.left, block.right, block.top, block.bottom, block.near, block.far
    eye_x, eye_y, _ = canvas.camera.position
    fade = ramp(block.light_at(near), block.light_at(far), 48)
    fade[::12] *= 0.6  # where one box ends and the next begins
    side = fill(look.body, 12, 48)
    side[6:8] = as_picture(look.body) * 0.4 + as_picture(look.accent) * 0.6
    side *= 0.6 * fade[None, :, None]
    for x, is_seen in ((left, eye_x < left), (right, eye_x > right)):
        if is_seen:
            canvas.paint([(x, top, near), (x, top, far), (x, bottom, far), (x, bottom, near)], side)
    if eye_y < top:
        cover = fill(look.body, 48, 12) * fade[::-1, None, None] * 0.85
        canvas.paint([(left, top, far), (right, top, far), (right, top, near), (left, top, near)], cover)
    front = _dim(_draw_front(canvas, "box", block, look), block.light_at(near))
    canvas.paint([(left, top, near), (right, top, near), (right, bottom, near), (left, bottom, near)], front)


def _paint_rows(canvas: Canvas, kind: Kind, levels: list[Block], look: Look) -> None:
    """Paint things that are no blocks one behind the other, the last ones first."""
    space = levels[0]
    left, right = space.left, space.right
    front = _draw_front(canvas, kind, space, look)
    for z in np.arange(space.near, space.far, max(0.09, right - left))[::-1].tolist():
        dimmed = _dim(front, space.light_at(z))
        for level in levels:
            top, bottom = level.top, level.bottom
            canvas.paint([(left, top, z), (right, top, z), (right, bottom, z), (left, bottom, z)], dimmed)


def _paint_shadow(canvas: Canvas, space: Block) -> None:
    left, right, y, far = space.left, space.right, space.bottom, space.far
    near = max(0.0, space.near - 0.015 * space.depth)
    shadow = fill((0, 0, 0, 0.45), 8, 8)
    canvas.paint([(left, y, far), (right, y, far), (right, y, near), (left, y, near)], shadow)
