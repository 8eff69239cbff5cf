"""Runs that several tests look at, each once a session and changed by none: a plugin of conftest.py."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import MakeBench
from tests.conftest import ROOT
from tests.e2e.conftest import settings
from tests.kedro_project import RunProject
from tests.video.clips import short_clip
from triptych.openvino_models import has_openvino

SHELF = ROOT / "data" / "01_raw" / "shelf"
FEW = 30


@pytest.fixture(scope="session")
def sample_run(run_in: RunProject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run faq and then faq_score on the bundled sample; return the data_root."""
    work = tmp_path_factory.mktemp("sample_run")
    run_in(work, "faq", env="test", params=settings())
    return run_in(work, "faq_score", env="test", params=settings())


@pytest.fixture(scope="session")
def shelf_run(run_in: RunProject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run shelf and then shelf_score on the bundled photos; return the data_root."""
    work = tmp_path_factory.mktemp("shelf_run")
    run_in(work, "shelf", env="test")
    return run_in(work, "shelf_score", env="test")


def copy_few_photos(folder: Path) -> Path:
    """Copy some of the bundled photos of shelves with their annotations, for what takes no more."""
    instances = json.loads((SHELF / "instances.json").read_text(encoding="utf-8"))
    instances["images"] = sorted(instances["images"], key=lambda image: image["file_name"])[:FEW]
    kept = {image["id"] for image in instances["images"]}
    instances["annotations"] = [entry for entry in instances["annotations"] if entry["image_id"] in kept]
    for part in ("JPEGImages", "Annotations"):
        (folder / part).mkdir(parents=True)
    for image in instances["images"]:
        photo = SHELF / "JPEGImages" / image["file_name"]
        shutil.copy(photo, folder / "JPEGImages")
        shutil.copy(SHELF / "Annotations" / f"{photo.stem}.xml", folder / "Annotations")
    (folder / "instances.json").write_text(json.dumps(instances), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def few_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy some of the bundled photos, for runs whose subject is not how many there are; return the folder."""
    return copy_few_photos(tmp_path_factory.mktemp("few_photos") / "shelf")


@pytest.fixture(scope="session")
def few_photos_run(few_photos: Path, run_in: RunProject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run shelf on some of the photos in this process; return the data_root."""
    return run_in(tmp_path_factory.mktemp("few_photos_run"), "shelf", env="test", params={"shelf_raw": str(few_photos)})


@pytest.fixture(scope="session")
def shelf_on_two_ranks(make_bench: MakeBench) -> Path:
    """Run shelf on some of the photos under torchrun, in two processes with one thread each; return the data_root."""
    bench = make_bench("shelf_on_two_ranks")
    work = bench.folder
    params = f"data_root={work}/data,shelf_raw={bench.few_photos},mlflow_uri=sqlite:///{work}/mlflow.db,mlflow_artifacts={work}/artifacts"
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "kedro"]
    command = ["run", "--env", "test", "--pipelines", "shelf", "--params", f"{params},shelf.training.num_nodes=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [sys.executable, *torchrun, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return work / "data"


@pytest.fixture(scope="session")
def video_run(run_in: RunProject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run video on the bundled clip, in the quickest runtime; return the data_root."""
    quick = {"runtime": "openvino", "threads": 0} if has_openvino() else {}
    return run_in(tmp_path_factory.mktemp("video_run"), "video", env="test", params={"video": {"style": quick}})


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two short videos, a.mp4 of 40 frames and b.mp4 of 25; return the folder."""
    folder = tmp_path_factory.mktemp("clips")
    short_clip(folder / "a.mp4", 40)
    short_clip(folder / "b.mp4", 25, seed=1)
    return folder


@pytest.fixture(scope="session")
def clips_run(clips: Path, run_in: RunProject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run video on the two short videos in this process; return the data_root."""
    return run_in(tmp_path_factory.mktemp("clips_run"), "video", env="test", params={"video_raw": str(clips)})
