"""The search of shelf at test size: trials go on from rung to rung, and shelf trains with what was found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.e2e.test_shelf_sample import read_json, read_metrics

RunProject = Callable[..., Path]


@pytest.fixture(scope="module")
def searched(
    few_photos: Path, run_in: RunProject, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, dict[str, str]]:
    """Run shelf_tune with four trials, of which two go on; return folder, data_root and parameters."""
    work, params = tmp_path_factory.mktemp("shelf_tune"), {"shelf_raw": str(few_photos)}
    return work, run_in(work, "shelf_tune", env="test", params=params), params


def test_the_better_half_goes_on_from_its_checkpoint(searched: tuple[Path, Path, dict[str, str]]) -> None:
    _, data_root, _ = searched
    board = pd.read_csv(data_root / "08_reporting/shelf/detector_leaderboard.csv")
    assert len(board) == 4
    assert sorted(board["budget"]) == [1, 1, 2, 2]
    assert {"learning_rate", "rpn_nms_threshold", "anchor_sizes", "aspect_ratios"} <= set(board.columns)
    assert board["box.map_50"].notna().all()
    folders = data_root / "06_models/shelf/detector_search"
    trained = {path.name: sorted(trial.name for trial in path.glob("trial_*")) for path in folders.glob("trials_*")}
    assert {name: len(trials) for name, trials in trained.items()} == {
        "trials_r0_00": 2,
        "trials_r0_01": 2,
        "trials_r1_00": 1,
        "trials_r1_01": 1,
    }
    for record in folders.glob("trials_r1_*/trial_*/trial.json"):
        assert [measurement["budget"] for measurement in read_json(record)["history"]] == [1, 2]


def test_shelf_trains_with_the_best_configuration(
    searched: tuple[Path, Path, dict[str, str]], run_in: RunProject
) -> None:
    work, data_root, params = searched
    best = read_json(data_root / "06_models/shelf/detector_best.json")
    run_in(work, "shelf", env="test", params=params)
    settings = read_json(data_root / "06_models/shelf/model/model.json")["params"]
    for name in ("rpn_nms_threshold", "anchor_sizes", "aspect_ratios"):
        assert settings[name] == best["config"][name]
    assert read_metrics(data_root)["train.epochs"] == best["config"].get("epochs", 2)
