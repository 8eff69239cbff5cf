"""Paint the bundled style images, by code alone.

All start from one imagined scene (a sun over hills and water): `paint_mosaic` lays it in tiles with dark joints,
`paint_strokes` covers it with curved brush strokes, `paint_dots` sets it in dots of unmixed colours, `paint_ink` draws
it with a brush on paper. Run `python -m triptych.samples.style_image FOLDER` to write
them as JPEG.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Image = NDArray[np.uint8]
"""Height x width x RGB."""
Field = NDArray[np.float64]

SIZE = (576, 768)
"""Height and width in pixels."""
_SUN = np.array([0.66, 0.30])
_DARK = np.array([22, 18, 34])


def paint_mosaic(size: tuple[int, int] = SIZE, seed: int = 3) -> Image:
    """Lay the scene in irregular tiles of one colour each, with dark joints and a light edge."""
    rng = np.random.default_rng(seed)
    height, width = size
    y, x = np.mgrid[0:height, 0:width]
    seeds = _scatter_along_rings(size, step=15.0, rng=rng)
    distance, index = cKDTree(seeds).query(np.stack([x.ravel(), y.ravel()], 1), k=2)
    gap = (distance[:, 1] - distance[:, 0]).reshape(height, width)
    tile = index[:, 0].reshape(height, width)
    colours = _colour_scene(seeds / width, height / width, _MOSAIC)
    colours = np.clip(colours + rng.normal(0, 20, (len(seeds), 1)) + rng.normal(0, 9, (len(seeds), 3)), 0, 255)
    # Each tile is tipped a little, so that light runs across it.
    tips = rng.normal(0, 1.6, (len(seeds), 2))
    offset = np.stack([x, y], -1) - seeds[tile]
    shade = (offset * tips[tile]).sum(-1, keepdims=True)
    face = colours[tile] + shade + 26 * np.exp(-(((gap - 3.4) / 1.2) ** 2))[..., None]
    joint = np.clip((gap - 1.0) / 1.6, 0, 1)[..., None]
    return np.asarray(np.clip(face * joint + _DARK * (1 - joint), 0, 255), np.uint8)


def paint_strokes(size: tuple[int, int] = SIZE, seed: int = 5) -> Image:
    """Cover the scene with curved strokes of visible bristles, wide ones first."""
    rng = np.random.default_rng(seed)
    height, width = size
    canvas = np.full((height, width, 3), _GROUND, np.uint8)
    for stroke_px, length_px, at_full_size in ((26, 90, 700), (13, 70, 2200), (7, 46, 4200)):
        starts = _scatter(size, at_full_size, rng)
        colours = _colour_scene(starts / width, height / width, _STROKES)
        colours = colours + rng.normal(0, 26, (len(starts), 1)) + rng.normal(0, 15, (len(starts), 3))
        for start, colour in zip(starts, colours, strict=True):
            _draw_stroke(canvas, _follow(start, length_px, width), colour, stroke_px, rng)
    return canvas


def paint_dots(size: tuple[int, int] = SIZE, seed: int = 7) -> Image:
    """Set the scene in round dots of unmixed colours, as the pointillists did; the eye mixes them."""
    rng = np.random.default_rng(seed)
    height, width = size
    canvas = np.full((height, width, 3), _CANVAS, np.uint8)
    for radius_px, at_full_size in ((8.0, 7000), (6.0, 12000), (4.5, 16000)):
        places = _scatter(size, at_full_size, rng)
        colours = _colour_scene(places / width, height / width, _DOTS)
        strangers = rng.random(len(places)) < _STRANGERS
        colours[strangers] = np.array(_PURE)[rng.integers(len(_PURE), size=int(strangers.sum()))]
        colours = np.clip(colours + rng.normal(0, 18, (len(places), 3)), 0, 255)
        radii = radius_px * rng.uniform(0.75, 1.15, len(places))
        for place, colour, radius in zip(places, colours, radii, strict=True):
            centre = (round(place[0] * 8), round(place[1] * 8))
            cv2.circle(canvas, centre, round(radius * 8), colour.tolist(), -1, cv2.LINE_AA, shift=3)
    return canvas


def paint_ink(size: tuple[int, int] = SIZE, seed: int = 9) -> Image:
    """Draw the scene on paper: washes of thin ink, and strokes that are thick and close together where it is dark."""
    rng = np.random.default_rng(seed)
    height, width = size
    y, x = np.mgrid[0:height, 0:width]
    scene = _colour_scene(np.stack([x.ravel(), y.ravel()], 1) / width, height / width, _INK).reshape(height, width, 3)
    grain = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 1.2)
    wash = cv2.GaussianBlur(scene, (0, 0), 5) + 16 * grain[..., None]
    canvas = np.asarray(np.clip(wash, 0, 255), np.uint8)
    for brush_px, length_px, at_full_size in ((7.0, 90, 1500), (3.5, 70, 3600), (1.8, 44, 5200)):
        starts = _scatter(size, at_full_size, rng)
        tones = _colour_scene(starts / width, height / width, _INK)
        darkness = 1 - tones.mean(1) / 255
        drawn = rng.random(len(starts)) < 1.5 * darkness**1.4
        for start, tone in zip(starts[drawn], tones[drawn], strict=True):
            path = _follow(start, length_px, width)
            _draw_tapered(canvas, path, tone * rng.uniform(0.25, 0.6), brush_px * rng.uniform(0.6, 1.2))
    return canvas


def _scatter(size: tuple[int, int], at_full_size: int, rng: np.random.Generator) -> Field:
    """Draw places (N, 2), x and y, all over a picture, as many an area as there are on one of full size."""
    height, width = size
    return rng.uniform((0, 0), (width, height), (at_full_size * height * width // (SIZE[0] * SIZE[1]), 2))


def _draw_tapered(canvas: Image, path: Field, colour: Field, brush_px: float) -> None:
    """Draw a stroke that swells and ends in a point."""
    for place, (first, second) in enumerate(itertools.pairwise(path)):
        swell = np.sin(np.pi * (place + 0.5) / (len(path) - 1)) ** 0.7
        ends = [(round(point[0] * 8), round(point[1] * 8)) for point in (first, second)]
        cv2.line(canvas, ends[0], ends[1], colour.tolist(), max(1, round(brush_px * swell)), cv2.LINE_AA, shift=3)


def _draw_stroke(canvas: Image, path: Field, colour: Field, stroke_px: int, rng: np.random.Generator) -> None:
    along = np.gradient(path, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], 1) / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    for side in np.linspace(-0.5, 0.5, max(3, stroke_px // 2)):
        ends = np.sort(rng.uniform(0, 1, 2) * (0.16, 0.16) + (0, 0.84))
        first, last = (ends * (len(path) - 1)).astype(int)
        bristle = path[first : last + 1] + across[first : last + 1] * side * stroke_px
        tone = np.clip(colour + rng.normal(0, 15) + 22 * side, 0, 255)
        points = np.round(bristle * 8).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(canvas, [points], False, tone.tolist(), 2, cv2.LINE_AA, shift=3)


def _follow(start: Field, length_px: int, width: int) -> Field:
    """Walk along the swirls of the scene from a point; return about 16 points."""
    steps = 16
    point, path = start.copy(), [start]
    for _ in range(steps):
        direction = _flow(point[None] / width)[0]
        point = point + direction * length_px / steps
        path.append(point)
    return np.array(path)


def _flow(points: Field) -> Field:
    """Return unit vectors along the strokes: swirls around the sun and two more centres, waves below."""
    flow = np.zeros_like(points)
    for centre, strength in ((_SUN, 1.0), (np.array([0.18, 0.22]), -0.8), (np.array([0.36, 0.5]), 0.5)):
        away = points - centre
        weight = strength / (0.004 + (away**2).sum(1, keepdims=True))
        flow += np.stack([-away[:, 1], away[:, 0]], 1) * weight
    calm = 1 / (1 + np.exp(-(points[:, 1] - 0.5) * 30))
    wave = np.stack([np.ones(len(points)), 0.5 * np.cos(points[:, 0] * 26)], 1)
    flow = flow * (1 - calm[:, None]) + 4 * wave * calm[:, None]
    return np.asarray(flow / np.maximum(np.linalg.norm(flow, axis=1, keepdims=True), 1e-6))


def _scatter_along_rings(size: tuple[int, int], step: float, rng: np.random.Generator) -> Field:
    """Place points on rings around the sun, `step` pixels apart, as mosaic layers set tiles in courses."""
    height, width = size
    rings = np.arange(step / 2, 1.3 * width, step)
    points = []
    for radius in rings:
        angles = np.arange(0, 2 * np.pi, 1.25 * step / radius) + rng.uniform(0, 2 * np.pi)
        points.append(_SUN * width + radius * np.stack([np.cos(angles), np.sin(angles)], 1))
    scattered = np.concatenate(points)
    scattered += rng.normal(0, 0.1 * step, scattered.shape)
    inside = ((scattered > -step) & (scattered < np.array([width, height]) + step)).all(1)
    return np.asarray(scattered[inside])


_MOSAIC = {
    "sky": [(12, 44, 122), (20, 96, 176), (44, 158, 196)],
    "rays": [(250, 196, 40), (236, 112, 28)],
    "sun": [(255, 236, 140), (250, 180, 30)],
    "hills": [(18, 112, 82), (120, 168, 44), (176, 40, 48)],
    "water": [(10, 78, 110), (30, 150, 160), (232, 226, 196)],
}
_GROUND = (36, 32, 60)
_STROKES = {
    "sky": [(40, 26, 92), (70, 60, 170), (206, 92, 140)],
    "rays": [(250, 150, 90), (226, 70, 84)],
    "sun": [(255, 240, 190), (255, 196, 92)],
    "hills": [(28, 60, 84), (52, 120, 120), (220, 160, 60)],
    "water": [(24, 34, 96), (64, 110, 190), (246, 176, 130)],
}

_CANVAS = (238, 226, 198)
_STRANGERS = 0.16  # share of the dots that have a colour of their own
_PURE = [(240, 92, 40), (28, 86, 190), (250, 206, 60), (222, 70, 130), (34, 150, 120), (250, 244, 226)]
_DOTS = {
    "sky": [(70, 130, 206), (146, 190, 226), (250, 206, 170)],
    "rays": [(252, 214, 110), (244, 150, 120)],
    "sun": [(255, 250, 214), (252, 214, 84)],
    "hills": [(112, 156, 76), (58, 120, 92), (128, 84, 146)],
    "water": [(40, 92, 168), (96, 176, 196), (250, 226, 190)],
}
_INK = {
    "sky": [(140, 148, 158), (206, 206, 198), (240, 232, 212)],
    "rays": [(244, 234, 210), (224, 206, 182)],
    "sun": [(206, 60, 44), (190, 44, 40)],
    "hills": [(52, 58, 70), (96, 102, 106), (178, 172, 158)],
    "water": [(86, 98, 112), (176, 180, 176), (240, 232, 212)],
}


def _colour_scene(points: Field, bottom: float, palette: dict[str, list[tuple[int, int, int]]]) -> Field:
    """Return the colour of the scene at points given as shares of the width."""
    x, y = points.T
    away = np.linalg.norm(points - _SUN, axis=1)
    angle = np.arctan2(*(points - _SUN).T)
    sky = _mix(palette["sky"], y / 0.55 + 0.2 * np.sin(9 * away * 2 * np.pi))
    rays = _mix(palette["rays"], away / 0.34)
    in_ray = (np.sin(9 * angle) > away * 4.2 - 0.75) & (away < 0.38)
    colour = np.where(in_ray[:, None], rays, sky)
    colour = np.where((away < 0.105)[:, None], _mix(palette["sun"], away / 0.105), colour)
    hill = 0.47 + 0.06 * np.sin(8 * x) + 0.03 * np.sin(21 * x + 1)
    depth = (y - hill) / 0.16
    colour = np.where((depth > 0)[:, None], _mix(palette["hills"], depth + 0.25 * np.sin(15 * x)), colour)
    shore = bottom - 0.13 + 0.02 * np.sin(11 * x)
    ripple = 0.5 + 0.5 * np.sin(34 * y + 9 * np.sin(5 * x) * y * 6)
    return np.where((y > shore)[:, None], _mix(palette["water"], ripple), colour)


def _mix(colours: list[tuple[int, int, int]], position: Field) -> Field:
    """Interpolate between colours at positions 0 to 1."""
    stops = np.linspace(0, 1, len(colours))
    table = np.array(colours, float)
    return np.stack([np.interp(position, stops, table[:, channel]) for channel in range(3)], 1)


PAINTERS: dict[str, Callable[[], Image]] = {
    "mosaic": paint_mosaic,
    "strokes": paint_strokes,
    "dots": paint_dots,
    "ink": paint_ink,
}
"""What paints each bundled style image, by the style's name."""


def write_style_images(folder: Path, quality: int = 70) -> None:
    """Write every style image as `{name}.jpg`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, paint in PAINTERS.items():
        picture = cv2.cvtColor(paint(), cv2.COLOR_RGB2BGR)
        if not cv2.imwrite(str(folder / f"{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, quality]):
            raise OSError(f"cannot write {folder / name}.jpg")


if __name__ == "__main__":
    write_style_images(Path(sys.argv[1]))
