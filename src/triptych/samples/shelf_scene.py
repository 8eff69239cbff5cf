"""Paint a shelf: walls, boards, what stands there, price tags, the floor."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triptych.samples.canvas import Canvas, Colour, Picture, as_picture, cover_quad, fill, ramp, write
from triptych.samples.shelf_layout import LIP, UPRIGHT, Cell, Shelf
from triptych.samples.stock import paint_stock

_BASE = 0.1
"""Height of what the lowest board stands on."""


@dataclass(frozen=True)
class Style:
    """What the furniture of a shop looks like."""

    wall: Colour
    """Colour of the back wall."""
    board: Colour
    """Colour of boards and uprights."""
    strip: Colour
    """Colour of the strip for price tags."""
    tag: Colour
    """Colour of most price tags."""
    pattern: int
    """Back wall: 0 plain, 1 holes, 2 slats, 3 wire."""


def draw_style(rng: np.random.Generator) -> Style:
    """Draw the furniture of a shop."""
    grey = rng.uniform(0.62, 0.92)
    red, green, blue = (float(c) for c in rng.uniform(0.2, 0.34) + rng.normal(0, 0.015, 3))
    board = (grey, grey, grey * 0.98) if rng.random() < 0.8 else (0.62, 0.47, 0.32)
    strip = (0.86, 0.87, 0.88) if rng.random() < 0.6 else colorsys.hsv_to_rgb(rng.random(), 0.6, 0.65)
    tag = [(0.97, 0.96, 0.93), (0.98, 0.87, 0.25), (0.95, 0.55, 0.2)][int(rng.integers(3))]
    return Style((red, green, blue), board, strip, tag, int(rng.integers(4)))


def paint_shelf(canvas: Canvas, shelf: Shelf, rng: np.random.Generator) -> None:
    """Paint a shelf as the canvas's camera sees it."""
    style = draw_style(rng)
    _paint_floor(canvas, shelf, style, rng)
    for cell in shelf.cells:
        canvas.window = cover_quad(canvas.camera.project(_front(cell)), canvas.camera.width, canvas.camera.height)
        if canvas.window.any():
            light = float(rng.uniform(0.85, 1.05))
            _paint_cell(canvas, cell, shelf.depth, style, light)
            paint_stock(canvas, cell, shelf.depth, light, rng)
    canvas.window = None
    _paint_front(canvas, shelf, style, rng)


def _front(cell: Cell) -> NDArray[np.float64]:
    a, b, c, d = cell.left, cell.right, cell.ceiling, cell.floor
    return np.array([[a, c, 0], [b, c, 0], [b, d, 0], [a, d, 0]])


def _paint_floor(canvas: Canvas, shelf: Shelf, style: Style, rng: np.random.Generator) -> None:
    """Paint what is under the lowest board, and the floor before it."""
    canvas.picture[:] = as_picture(style.board) * 0.4
    a, b, y = shelf.uprights[0], shelf.uprights[-1], shelf.boards[-1] + LIP
    base = fill(style.board, 8, 8) * 0.45
    canvas.paint([(a, y, 0), (b, y, 0), (b, y + _BASE, 0), (a, y + _BASE, 0)], base)
    tiles = fill((1.0, 0.98, 0.94), 240, 960) * float(rng.uniform(0.5, 0.75))
    tiles[::40] *= 0.75
    tiles[:, ::40] *= 0.75
    tiles *= ramp(0.55, 1.0, 240)[:, None, None]
    canvas.paint([(a, y + _BASE, 0), (b, y + _BASE, 0), (b, y + _BASE, -0.9), (a, y + _BASE, -0.9)], tiles)


def _paint_cell(canvas: Canvas, cell: Cell, depth: float, style: Style, light: float) -> None:
    """Paint the empty inside: dark towards the back and under the board above."""
    a, b, c, d = cell.left, cell.right, cell.ceiling, cell.floor
    width, height = canvas.length((a, d, depth), (b, d, depth)), canvas.length((a, c, depth), (a, d, depth))
    wall = fill(style.wall, height, width)
    _add_pattern(wall, style.pattern, canvas.length((a, c, depth), (a + 0.05, c, depth)))
    wall *= ramp(0.45, 1.0, height)[:, None, None] * light
    canvas.paint([(a, c, depth), (b, c, depth), (b, d, depth), (a, d, depth)], wall)
    board = fill(style.board, 64, 8) * ramp(0.32, 0.85, 64)[:, None, None] * light
    canvas.paint([(a, d, depth), (b, d, depth), (b, d, 0), (a, d, 0)], board)
    canvas.paint([(a, c, 0), (b, c, 0), (b, c, depth), (a, c, depth)], board[::-1].copy() * 0.35)
    for x in (a, b):
        canvas.paint([(x, c, depth), (x, c, 0), (x, d, 0), (x, d, depth)], board.swapaxes(0, 1).copy() * 0.6)


def _add_pattern(wall: Picture, pattern: int, step: int) -> None:
    y, x = np.ogrid[0 : wall.shape[0], 0 : wall.shape[1]]
    step = max(5, step)
    thin = max(1, step // 9)
    if pattern == 1:
        wall[np.hypot(x % step - step / 2, y % step - step / 2) < step * 0.16] *= 0.35
    elif pattern == 2:
        wall[(y % (2 * step))[:, 0] < thin * 2] *= 0.45
    elif pattern == 3:
        wall[((x % step) < thin) | ((y % step) < thin)] += 0.14


def _paint_front(canvas: Canvas, shelf: Shelf, style: Style, rng: np.random.Generator) -> None:
    """Paint uprights, the boards' edges and their price tags."""
    top, bottom = shelf.boards[0], shelf.boards[-1] + LIP
    post = fill(style.board, 8, 8) * ramp(0.6, 0.85, 8)[:, None]
    for x in shelf.uprights:
        a, b = x - UPRIGHT / 2, x + UPRIGHT / 2
        canvas.paint([(a, top, 0), (b, top, 0), (b, bottom, 0), (a, bottom, 0)], post)
    a, b = shelf.uprights[0], shelf.uprights[-1]
    edge = fill(style.strip, 32, 8) * ramp(1.0, 0.82, 32)[:, None, None]
    edge[:5] = style.board
    edge[-4:] *= 0.6
    for y in shelf.boards:
        canvas.paint([(a, y, 0), (b, y, 0), (b, y + LIP, 0), (a, y + LIP, 0)], edge)
    for cell in shelf.cells:
        _paint_tags(canvas, cell, style, rng)


def _paint_tags(canvas: Canvas, cell: Cell, style: Style, rng: np.random.Generator) -> None:
    """Paint a price tag under the first facing of each product, and a few more."""
    looks = [facing.product.look for facing in cell.facings]
    for i, facing in enumerate(cell.facings):
        if i and looks[i] == looks[i - 1] and rng.random() < 0.8:
            continue
        x = facing.left + float(rng.uniform(0.01, 0.03))
        y, width, height = cell.floor + 0.1 * LIP, float(rng.uniform(0.055, 0.075)), 0.72 * LIP
        tag = _draw_tag(style.tag if rng.random() < 0.85 else (0.9, 0.2, 0.18), rng)
        canvas.paint([(x, y, 0), (x + width, y, 0), (x + width, y + height, 0), (x, y + height, 0)], tag)


def _draw_tag(colour: Colour, rng: np.random.Generator) -> Picture:
    tag = fill(colour, 26, 44)
    write(tag, f"{rng.integers(1, 20)}.{rng.choice([29, 49, 79, 95, 99])}", (0.12, 0.1, 0.12), (3, 5, 41, 19))
    tag[22:24, 4:30] = 0.35
    return tag
