"""Real photos of shelves, in both formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.e2e.test_shelf_sample import read_json, read_metrics

pytestmark = pytest.mark.real_data
RunProject = Callable[..., Path]


@pytest.mark.parametrize("annotations", ["voc", "coco"])
def test_every_photo_and_region_is_read(shared_data: Path, run_project: RunProject, annotations: str) -> None:
    params = {
        "shelf_raw": str(shared_data / "shelf" / "empty_shelf_voc"),
        "shelf": {"ingest": {"annotations": annotations}, "training": {"epochs": 1}},
    }
    data_root = run_project("shelf", env="test", params=params)
    read = read_json(data_root / "03_primary/shelf/annotations.json")
    assert (len(read["images"]), len(read["annotations"])) == (120, 333)
    assert len((data_root / "08_reporting/shelf/quarantine.csv").read_text().splitlines()) <= 1
    roles = pd.read_csv(data_root / "05_model_input/shelf/roles.csv")
    assert len(roles) == 120
    metrics = read_metrics(data_root)
    assert ("test.mask.map" in metrics) == (annotations == "coco")
    assert metrics["test.photos"] == (roles["role"] == "test").sum()
