"""Small trainings, started in this process or, as a script, in one of several."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from tests.shelf.tiny import PARAMS, write_data
from triptych.shelf.params import DetectorParams, TrainingParams

DETECTOR = PARAMS.replace(roi_batch=16)
TRAINING = TrainingParams(epochs=3, batch_size=4, evaluate_every_epochs=1, precision="fp32", loader_workers=0)

# Columns of the log that depend on the clock.
TIMES = ["seconds", "images_per_s", "waiting_share", "validation_seconds"]

Data = tuple[Path, dict[str, Any], pd.DataFrame]


def learn(
    folder: Path,
    *,
    data: Data | None = None,
    detector: DetectorParams = DETECTOR,
    training: TrainingParams = TRAINING,
) -> tuple[Any, pd.DataFrame, dict[str, Any]]:
    """Train on a few photos of noise; the checkpoints are in `folder`."""
    from triptych.shelf.training.training import train

    photos, annotations, roles = data or write_data(folder / "photos", 15)
    checkpoints = folder / "checkpoints"
    checkpoints.mkdir(parents=True, exist_ok=True)
    return train(photos, annotations, roles, checkpoints, detector, training)


def paint_objects(data: Data) -> Data:
    """Move every object to another place of its photo, and paint it white, so that it can be found."""
    photos, annotations, _ = data
    names = {image["id"]: image["file_name"] for image in annotations["images"]}
    for item in annotations["annotations"]:
        left, top = np.random.default_rng(item["id"]).integers(0, [60, 20])
        path = photos / "images" / names[item["image_id"]]
        pixels = np.array(Image.open(path)) // 2
        pixels[top : top + 40, left : left + 30] = 255
        Image.fromarray(pixels).save(path)
        item["bbox"] = [float(left), float(top), 30.0, 40.0]
        right, bottom = float(left + 30), float(top + 40)
        item["segmentation"] = [[float(left), float(top), right, float(top), right, bottom, float(left), bottom]]
    return data


def read_data(folder: Path) -> Data:
    """Read what `write_data` wrote, from another process."""
    annotations = json.loads((folder / "annotations.json").read_text())
    return folder / "photos", annotations, pd.read_csv(folder / "roles.csv")


def write_lesson(folder: Path) -> Path:
    """Write photos, annotations and roles for other processes."""
    photos, annotations, roles = write_data(folder / "photos", 15)
    (folder / "annotations.json").write_text(json.dumps(annotations))
    roles.to_csv(folder / "roles.csv", index=False)
    return photos.parent


def main() -> None:
    """Train in a process of its own: data folder, output folder, and perhaps a file of weights."""
    import torch

    from triptych import distributed

    torch.use_deterministic_algorithms(True)
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.mkdir(exist_ok=True)
    detector = DETECTOR.replace(weights=sys.argv[3]) if sys.argv[3:] else DETECTOR
    model, log, report = learn(target, data=read_data(source), detector=detector, training=TRAINING)
    log.to_csv(target / f"log_{distributed.rank()}.csv", index=False)
    if distributed.is_primary():
        (target / "report.json").write_text(json.dumps(report))
        (target / "weights.pt").write_bytes((model.path / "weights.pt").read_bytes())


if __name__ == "__main__":
    main()
