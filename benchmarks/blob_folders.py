"""Folders from blob storage: as a whole, and file by file as Kedro's PartitionedDataset loads them.

    python benchmarks/blob_folders.py abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/benchmark

Writes 300 small JPEGs to a folder of that address. Reaches it as the project does: by identity, or by
AZURE_STORAGE_CONNECTION_STRING (Azurite).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from kedro_datasets.partitions import PartitionedDataset
from PIL import Image

from triptych.datasets import FolderDataset
from triptych.storage.blob_storage import account_of, without_account


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", help="folder to write to")
    parser.add_argument("--photos", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_photos(Path(folder), options.photos)
        start = time.perf_counter()
        FolderDataset(filepath=options.address).save(Path(folder))
        tell("saved as a folder", options.photos, start)
    start = time.perf_counter()
    for path in FolderDataset(filepath=options.address).load().iterdir():
        Image.open(path).load()
    tell("loaded as a folder", options.photos, start)
    start = time.perf_counter()
    # The account as an option of its own: Kedro's datasets do not read it from the address.
    one_by_one = PartitionedDataset(
        path=without_account(options.address),
        dataset="pillow.ImageDataset",
        filename_suffix=".jpg",
        credentials=account_of(options.address),
    )
    for load in one_by_one.load().values():
        load().load()
    tell("loaded one by one", options.photos, start)


def write_photos(folder: Path, count: int) -> None:
    """Write small JPEGs of noise."""
    rng = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)).save(folder / f"{number:04}.jpg")


def tell(what: str, photos: int, start: float) -> None:
    """Print seconds and speed."""
    seconds = time.perf_counter() - start
    print(f"{what}: {seconds:.2f} s, {photos / seconds:.0f} photos a second")


if __name__ == "__main__":
    main()
