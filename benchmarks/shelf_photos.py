"""Time what is done to large photos beside the network, and measure the memory that many of them take.

python benchmarks/shelf_photos.py                # 12 megapixels, 20 objects, 100 masks
python benchmarks/shelf_photos.py --photos 2000  # and the memory of a process that goes through so many
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from triptych.shelf.data.dataset import PhotoSet
from triptych.shelf.devices import limited_threads
from triptych.shelf.model.prediction import encode_masks
from triptych.shelf.params import DetectorParams
from triptych.shelf.preparation.augmentation import Variation
from triptych.shelf.preparation.photo_store import PhotoStore

SIZE = (4000, 3000)
PARAMS = DetectorParams(min_size_px=800, max_size_px=1333)  # as published
VARIATION = Variation(True, 1.1, (0.3, 0.6), 1.1, 0.9, 1.2)


def write_photo(folder: Path) -> dict[str, Any]:
    """Write a photo of 12 megapixels and describe it with 20 outlined objects."""
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    # As much detail as a camera's: noise on a coarse pattern, about 3 MB.
    coarse = Image.fromarray(rng.integers(0, 256, (75, 100, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    pixels = np.asarray(coarse).astype(np.int16) + rng.integers(-12, 13, (SIZE[1], SIZE[0], 1))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / "a.jpg", quality=88)
    items = []
    for number in range(20):
        left, top = 150 + 750 * (number % 5), 120 + 700 * (number // 5)
        turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        outline = np.stack([left + 260 * (1 + np.cos(turns)), top + 240 * (1 + np.sin(turns))], axis=1)
        bbox = [float(left), float(top), 520.0, 480.0]
        items.append({"image_id": 1, "category_id": 1, "bbox": bbox, "segmentation": [outline.ravel().tolist()]})
    image = {"id": 1, "file_name": "a.jpg", "width": SIZE[0], "height": SIZE[1]}
    return {"images": [image], "annotations": items, "categories": [{"id": 1, "name": "gap"}]}


def time_calls(function: Callable[[], Any], times: int) -> float:
    """Give the median of some calls, in milliseconds of this process's time, which other work does not change much."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        function()
        taken.append(1000 * (time.process_time() - start))
    return statistics.median(taken)


def encode_hundred() -> None:
    """Encode the masks of 100 detections of 500 x 500 pixels."""
    rng = np.random.default_rng(1)
    corners = rng.integers(0, [SIZE[0] - 500, SIZE[1] - 500], (100, 2)).astype(float)
    grid = np.linspace(-1, 1, 28)
    masks = np.tile((1.2 - np.hypot(*np.meshgrid(grid, grid))).clip(0, 1).astype(np.float32), (100, 1, 1))
    encode_masks(masks, np.concatenate([corners, corners + 500], axis=1), SIZE[1], SIZE[0])


def measure_memory() -> dict[str, float]:
    """Give this process's own memory now, what it maps of files, and the most of both together, in MiB (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    values = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("Rss", "VmHWM"))}
    return {"own": values["RssAnon"], "mapped": values["RssFile"], "peak": values["VmHWM"]}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=0, help="go through so many photos and measure memory")
    parser.add_argument("--cache-mb", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, limited_threads():
        tempfile.tempdir = name  # the prepared photos go with it
        folder = Path(name)
        annotations = write_photo(folder)

        def open_store(space: int, copies: int = 1) -> PhotoStore:
            photos = PhotoSet.select(folder, annotations, [1])
            many = PhotoSet(folder, photos.images * copies, photos.objects * copies, photos.labels)
            return PhotoStore(many, PARAMS, masks=True, largest_scale=1.2, space=space)

        bare, kept = open_store(0), open_store(2**30)
        kept.read(0)
        figures = {
            "prepare_ms": time_calls(lambda: bare.read(0), arguments.rounds),
            "from_store_ms": time_calls(lambda: kept.vary(0, VARIATION), arguments.rounds),
            "encode_100_masks_ms": time_calls(encode_hundred, arguments.rounds),
            "kept_bytes": kept.kept_bytes,
        }
        if arguments.photos:
            store, before = open_store(arguments.cache_mb * 2**20, arguments.photos), measure_memory()
            for index in range(len(store)):
                store.vary(index, VARIATION)
            figures |= {"kept": store.kept, "memory_before": before, "memory_after": measure_memory()}
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
