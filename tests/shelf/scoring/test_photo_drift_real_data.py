"""Photos of the same kind are no drift, those half as bright are: on real photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from triptych.drift.comparison import compare_requests
from triptych.drift.params import DriftParams
from triptych.shelf.scoring.photo_measures import Found, measure_photos

pytestmark = [pytest.mark.real_data, pytest.mark.slow]
MOST = 50_000_000


def measure(files: list[Path]) -> pd.DataFrame:
    """Measure photos; what a detector finds on them is not looked at."""
    return measure_photos([Found(file, []) for file in files], MOST)[["brightness", "sharpness", "megapixels"]]


def darken(file: Path, folder: Path) -> Path:
    with Image.open(file) as photo:
        photo.convert("RGB").point(lambda value: value // 2).save(folder / file.name, quality=90)
    return folder / file.name


def test_a_second_sample_is_no_drift_and_photos_half_as_bright_are(shared_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    photos = sorted((shared_data / "shelf/empty_shelf_voc/JPEGImages").glob("*.jpg"))
    drawn = np.random.default_rng(0).permutation(len(photos))
    reference = measure([photos[number] for number in drawn[:60]])
    second = [photos[number] for number in drawn[60:]]

    def find_drift(files: list[Path]) -> set[str]:
        table = compare_requests(reference, measure(files), DriftParams()).table
        return set(table.loc[table["is_drift"], "measure"])

    assert len(second) > 40
    assert find_drift(second) == set()
    # A photo that is darker is no less sharp, and has as many pixels.
    assert find_drift([darken(file, tmp_path) for file in second[:10]]) == {"brightness"}
