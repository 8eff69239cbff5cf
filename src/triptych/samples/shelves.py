"""Render photos of shop shelves with empty facings, annotated as Pascal VOC and COCO.

python -m triptych.samples.shelves --out FOLDER --photos 140 --size 384x256 --seed 0

Photo i depends on the seed, i and the size only, so fewer photos are the beginning of more. The same command
gives the same bytes, with the same versions of NumPy and OpenCV.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.samples.annotation_files import describe_gap, write_coco, write_voc
from triptych.samples.cameras import Camera, draw_camera
from triptych.samples.canvas import Canvas, Picture, as_picture, expose
from triptych.samples.masks import Instance, describe, draw_mask, is_in_sight, is_open
from triptych.samples.obstacles import draw_obstacles, lay_over
from triptych.samples.shelf_layout import Shelf, draw_shelf
from triptych.samples.shelf_scene import paint_shelf

OVERSAMPLING = 2
LEAST_PX = 96
"""Smallest width and height."""
STOCKED_SHARE = 0.08
"""Share of photos that are drawn without any gap."""


@dataclass(frozen=True)
class Photo:
    """A rendered photo."""

    name: str
    """File name."""
    pixels: NDArray[np.uint8]
    """RGB, shape (height, width, 3)."""
    gaps: tuple[Instance, ...]
    """The empty facings."""


def render_photo(seed: int, number: int, width: int, height: int) -> Photo:
    """Render one photo.

    Args:
        seed: Seed of the set.
        number: Which of the set's photos, from 1.
        width: Pixels across, at least 96.
        height: Pixels down, at least 96.
    """
    rng, light = (np.random.default_rng(child) for child in np.random.SeedSequence([seed, number]).spawn(2))
    camera = draw_camera(rng, width * OVERSAMPLING, height * OVERSAMPLING)
    shelf = draw_shelf(rng, _reach(camera), stocked=rng.random() < STOCKED_SHARE)
    obstacles = draw_obstacles(rng, camera.width, camera.height)
    shelf, gaps = _keep_clear_gaps(camera, shelf, obstacles[..., 3])
    canvas = Canvas(camera)
    paint_shelf(canvas, shelf, rng)
    lay_over(canvas.picture, obstacles)
    picture = cv2.resize(canvas.picture, (width, height), interpolation=cv2.INTER_AREA)
    return Photo(f"shelf_{number:05d}.jpg", expose(as_picture(picture), light), gaps)


def render_photos(seed: int, photos: int, width: int, height: int, workers: int = 1) -> Iterator[Photo]:
    """Render photos 1, 2, ... of a set, in this process or in several."""
    render = partial(render_photo, seed, width=width, height=height)
    numbers = range(1, photos + 1)
    if workers == 1:
        yield from map(render, numbers)
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            yield from pool.map(render, numbers)


def _reach(camera: Camera) -> tuple[float, float, float, float]:
    """Bounds of everything that may be seen of a shelf: left, top, right, bottom."""
    corners = np.concatenate([camera.reach(0.0), camera.reach(0.4)])
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


def _keep_clear_gaps(camera: Camera, shelf: Shelf, covered: Picture) -> tuple[Shelf, tuple[Instance, ...]]:
    """Restock every gap of which too little is visible, so that what looks like a gap is annotated as one."""
    instances = []
    for gap in list(shelf.find_gaps()):
        if not is_in_sight(camera, shelf, gap):
            continue
        mask = draw_mask(camera, shelf, gap, covered, OVERSAMPLING) if is_open(camera, shelf, gap) else None
        if mask is None:
            shelf = shelf.restock(gap)
        else:
            instances.append(describe(mask))
    return shelf, tuple(instances)


def write_photos(out: Path, photos: Iterator[Photo], *, quality: int = 85, annotated: bool = True) -> int:
    """Write photos as JPEG, and their annotations.

    Args:
        out: Folder to fill: `JPEGImages/`, `Annotations/` and `instances.json`, or just the photos.
        photos: The photos.
        quality: JPEG quality, 1 to 100.
        annotated: Write annotations.

    Returns:
        Number of gaps.

    Raises:
        FileExistsError: The folder has such photos already.
    """
    folder = out / "JPEGImages" if annotated else out
    if any(folder.glob("shelf_*.jpg")):
        raise FileExistsError(f"{folder} has rendered photos already; name another folder or remove them")
    folder.mkdir(parents=True, exist_ok=True)
    done = []
    for photo in photos:
        _, encoded = cv2.imencode(".jpg", photo.pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        (folder / photo.name).write_bytes(encoded.tobytes())
        if annotated:
            write_voc(out / "Annotations", photo.name, photo.pixels.shape, photo.gaps)
        height, width = photo.pixels.shape[:2]
        done.append((photo.name, width, height, [describe_gap(gap) for gap in photo.gaps]))
    if annotated:
        write_coco(out / "instances.json", done)
    return sum(len(gaps) for *_, gaps in done)


def main(arguments: list[str] | None = None) -> None:
    """Render from the command line."""
    parser = argparse.ArgumentParser(prog="python -m triptych.samples.shelves", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to fill")
    parser.add_argument("--photos", type=int, default=140, help="how many (140)")
    parser.add_argument("--size", type=_size, default=(384, 256), help="WIDTHxHEIGHT in pixels (384x256)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other photos (0)")
    parser.add_argument("--quality", type=int, default=80, help="of the JPEG files (80)")
    parser.add_argument("--photos-only", action="store_true", help="write no annotations")
    parser.add_argument("--workers", type=int, default=1, help="processes that render (1)")
    options = parser.parse_args(arguments)
    width, height = options.size
    photos = render_photos(options.seed, options.photos, width, height, options.workers)
    gaps = write_photos(options.out, photos, quality=options.quality, annotated=not options.photos_only)
    print(f"{options.out}: {options.photos} photos, {gaps} gaps")


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if min(size) < LEAST_PX:
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT, each at least {LEAST_PX}, got {text!r}")
    return size


if __name__ == "__main__":
    main()
