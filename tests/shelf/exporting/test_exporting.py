"""Exported files find what the detector does, and one that does not is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.shelf.tiny import draw_photo, write_data, write_model
from triptych.shelf.exporting import exporting, graph
from triptych.shelf.exporting.exporting import ExportError, export_detector, open_exported
from triptych.shelf.model.files import load_model
from triptych.shelf.model.prediction import predict_photos
from triptych.shelf.params import ExportParams
from triptych.storage.folder import Folder

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("openvino")

# A random detector is sure of nothing.
EXPORT = ExportParams(least_score=0.06)
HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "bring-your-own-shelf-photos.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def data(folder: Path) -> Any:
    return write_data(folder / "photos", 9)


def export_from(data: Any, model: Path, export: ExportParams) -> tuple[Folder, dict[str, Any]]:
    photos, annotations, roles = data
    return export_detector(photos, annotations, roles, model, export)


@pytest.fixture(scope="module")
def exported(folder: Path, data: Any) -> Folder:
    """Files of a detector with masks."""
    files, report = export_from(data, write_model(folder / "model"), EXPORT)
    assert report["photos"] == 3
    assert set(report["formats"]) == {"onnx", "openvino"}
    assert all(found["detections"] > 0 and found["unmatched"] == 0 for found in report["formats"].values())
    return files


def test_the_files_are_there_and_described(exported: Folder) -> None:
    assert sorted(path.name for path in exported.path.iterdir()) == [
        *("detector.bin", "detector.json", "detector.onnx", "detector.xml")
    ]
    description = json.loads((exported.path / "detector.json").read_text())
    assert (description["categories"], description["score_threshold"], description["masks"]) == (["gap"], 0.1, True)
    assert description["checked"]["onnx"]["checked_by"].startswith("onnxruntime")
    assert description["checked"]["openvino"]["checked_by"].startswith("openvino")


@pytest.mark.parametrize("name", ["detector.onnx", "detector.xml"])
def test_any_size_and_nothing_to_see(name: str, exported: Folder) -> None:
    run = open_exported(exported.path / name)[1]
    for size in ((64, 96), (97, 65), (33, 130)):
        boxes, labels, scores, masks = run(np.full((*size, 3), 120, np.uint8))
        assert len(boxes) == len(labels) == len(scores) == len(masks) >= 1
        assert (boxes >= 0).all()
        assert (boxes <= [size[1], size[0]] * 2).all()


def test_lines_of_the_how_to_find_what_the_detector_does(folder: Path, exported: Folder) -> None:
    (lines,) = re.findall(r"```python\n(import json\n.*?)```", HOW_TO.read_text(encoding="utf-8"), flags=re.DOTALL)
    draw_photo(40, (120, 80)).save(folder / "photo.png")
    script = lines.replace("exported/", f"{exported.path}/").replace("photo.jpg", str(folder / "photo.png"))
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    found = [line.split() for line in run.stdout.splitlines()]
    pixels = np.asarray(Image.open(folder / "photo.png").convert("RGB"))
    (expected,) = predict_photos(load_model(folder / "model"), [(1, pixels)], 1, "fp32")
    believed = [item for item in expected if item["score"] >= 0.1]
    assert len(found) == len(believed)
    for (category, score, *corners, area), item in zip(found, believed, strict=True):
        left, top, width, height = item["bbox"]
        assert category == "gap"
        assert float(score) == pytest.approx(item["score"], abs=1e-3)
        assert [float(side) for side in corners] == pytest.approx([left, top, left + width, top + height], abs=0.2)
        assert int(area) >= 0


def test_a_detector_of_boxes_and_one_format(folder: Path, data: Any) -> None:
    model = write_model(folder / "boxes", masks=False)
    files, report = export_from(data, model, EXPORT.replace(formats=("openvino",), photos=1))
    assert sorted(path.suffix for path in files.path.iterdir()) == [".bin", ".json", ".xml"]
    assert report["formats"]["openvino"]["mask"] == 0.0


def test_files_that_find_something_else_are_refused(folder: Path, data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, other = graph.write_onnx, load_model(write_model(folder / "other", seed=5))
    monkeypatch.setattr(exporting, "write_onnx", lambda detector, path: plain(other, path))
    with pytest.raises(ExportError, match=r"detector\.onnx, run by onnxruntime .* differs from the detector \("):
        export_from(data, folder / "model", EXPORT.replace(formats=("onnx",)))


def test_no_test_photos_is_an_error(folder: Path, data: Any) -> None:
    photos, annotations, roles = data
    none: pd.DataFrame = roles[roles["role"] != "test"]
    with pytest.raises(ValueError, match="no test photos"):
        export_detector(photos, annotations, none, folder / "model", EXPORT)
