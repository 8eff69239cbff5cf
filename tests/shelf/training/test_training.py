from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import torch
from torchvision.models import resnet18

from tests.preloaded.scripts import PreloadedScripts
from tests.ranks import rank_environment
from tests.shelf import lessons
from tests.shelf.lessons import DETECTOR, TIMES, TRAINING, learn, paint_objects, write_lesson
from tests.shelf.tiny import write_data
from triptych.shelf.model.files import load_model
from triptych.shelf.training.update import NonFiniteLossError

ROOT = Path(__file__).parents[3]
LOSSES = ["loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg", "loss_mask"]


class Lesson(NamedTuple):
    """Something to learn from, by processes of their own."""

    folder: Path
    preloaded: PreloadedScripts

    def start(self, target: Path, environment: dict[str, str] | None = None, *weights: str) -> Any:
        command = self.preloaded.command(Path(lessons.__file__), str(self.folder), str(target), *weights)
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        environment = {**(environment or os.environ), "PYTHONPATH": path}
        return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def finish(*processes: Any) -> None:
    for process in processes:
        error = process.communicate(timeout=300)[1]
        assert process.returncode == 0, error[-4000:]


@pytest.fixture(scope="module")
def lesson(preloaded: PreloadedScripts, tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    return Lesson(write_lesson(tmp_path_factory.mktemp("lesson")), preloaded)


@pytest.fixture(scope="module")
def uninterrupted(lesson: Lesson) -> Path:
    target = lesson.folder / "uninterrupted"
    finish(lesson.start(target))
    return target


def test_a_training_gives_model_log_and_report(tmp_path: Path) -> None:
    model, log, report = learn(tmp_path)
    assert log["epoch"].tolist() == [1, 2, 3]
    assert log[["loss", *LOSSES, "validation_loss", "gradient_norm", "images_per_s"]].gt(0).all(axis=None)
    assert log["loss"].tolist() == pytest.approx(log[LOSSES].sum(axis=1).tolist())
    assert {"box.map", "box.map_50", "mask.map"} <= set(log.columns)
    assert (report["epochs"], report["ranks"], report["photos"], report["validation_photos"]) == (3, 1, 5, 5)
    assert report["masks"]
    assert report["images_per_s"] > 0
    assert 0 <= report["waiting_share"] < 0.9
    best = log.set_index("epoch").loc[report["best_epoch"]]
    assert report["validation"] == pytest.approx(best[list(report["validation"])].to_dict())
    assert best["box.map"] == log["box.map"].max()
    loaded = load_model(model.path)
    assert (loaded.categories, loaded.masks, loaded.params) == (("gap",), True, DETECTOR)
    assert loaded.info["epoch"] == report["best_epoch"]
    assert loaded.score_threshold == report["score_threshold"]
    json.dumps(report)
    (kept,) = (tmp_path / "checkpoints").iterdir()
    assert (kept / "complete").is_file()


def test_the_detector_learns(device: str, tmp_path: Path) -> None:
    data = paint_objects(write_data(tmp_path / "photos", 24))
    training = TRAINING.replace(epochs=15, evaluate_every_epochs=15, learning_rate=0.003)
    _, _, report = learn(tmp_path, data=data, training=training)
    assert (report["device"] == "cpu") == (device == "cpu")
    # 30 steps of the smallest of detectors; at random it is hardly ever above 0.
    assert report["validation"]["box.map_50"] > 0.3
    assert report["validation"]["mask.map_50"] > 0.3


def test_the_best_epoch_is_kept_even_if_it_is_not_the_last(tmp_path: Path) -> None:
    # A late rate that destroys what was learnt: no warm-up, and no annealing.
    training = TRAINING.replace(epochs=4, learning_rate=0.01, schedule="step", warmup_share=0.0)
    model, log, report = learn(tmp_path, training=training)
    table = log.set_index("epoch")
    best = table["box.map"].max()
    assert table.loc[report["best_epoch"], "box.map"] == best
    assert load_model(model.path).info["validation"]["box.map"] == pytest.approx(best)


def test_more_epochs_go_on_with_the_size_that_fewer_had(tmp_path: Path) -> None:
    """The budget of pixels, divided by more epochs, would allow smaller photos only."""
    data = paint_objects(write_data(tmp_path / "photos", 9, (384, 256)))
    detector = DETECTOR.replace(min_size_px=0, max_size_px=0, anchor_sizes=(), aspect_ratios=())
    training = TRAINING.replace(epochs=1, object_px=200.0, budget_mpx=0.2)
    _, _, first = learn(tmp_path, data=data, detector=detector, training=training)
    model, log, report = learn(tmp_path, data=data, detector=detector, training=training.replace(epochs=2))
    assert first["fitted"]["min_size_px"] == 192
    assert (report["fitted"], report["extends_epochs"], len(log)) == (first["fitted"], 1, 2)
    assert load_model(model.path).params.min_size_px == 192
    _, _, other = learn(tmp_path, data=data, detector=detector, training=training.replace(budget_mpx=0.1))
    assert (other["fitted"]["min_size_px"], other["extends_epochs"]) == (128, 0)


def test_bfloat16_and_fp32_agree_roughly(tmp_path: Path) -> None:
    data = write_data(tmp_path / "photos", 9)
    training = TRAINING.replace(epochs=1)
    _, fp32, _ = learn(tmp_path, data=data, training=training)
    _, bf16, _ = learn(tmp_path, data=data, training=training.replace(precision="bf16"))
    assert bf16["loss"].iloc[0] == pytest.approx(fp32["loss"].iloc[0], rel=0.05)
    assert bf16["loss"].iloc[0] != fp32["loss"].iloc[0]


def test_masks_are_learnt_beside_an_object_without_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = write_data(tmp_path / "photos", 9)
    del data[1]["annotations"][0]["segmentation"]
    with caplog.at_level("INFO", "triptych"):
        model, log, report = learn(tmp_path, data=data, training=TRAINING.replace(epochs=1))
    assert "1 of 3 training objects have no mask: only their boxes are learnt from" in caplog.text
    assert report["masks"]
    assert log["loss_mask"].gt(0).all()
    assert load_model(model.path).masks


def test_boxes_alone_are_learnt_where_no_object_has_a_mask(tmp_path: Path) -> None:
    data = write_data(tmp_path / "photos", 9)
    for item in data[1]["annotations"]:
        del item["segmentation"]
    model, log, report = learn(tmp_path, data=data, training=TRAINING.replace(epochs=1))
    assert not report["masks"]
    assert "loss_mask" not in log.columns
    assert not load_model(model.path).masks
    with pytest.raises(ValueError, match=r"masks: on needs masks, and none of the 3 objects of the 3 training photos"):
        learn(tmp_path, data=data, detector=DETECTOR.replace(masks="on"))


def test_photos_without_objects_are_learnt_from(tmp_path: Path) -> None:
    data = write_data(tmp_path / "photos", 12)
    data[1]["annotations"] = data[1]["annotations"][3:]
    training = TRAINING.replace(batch_size=1, epochs=2, precision="bf16")
    assert learn(tmp_path, data=data, training=training)[1]["loss"].gt(0).all()


def test_nothing_to_learn_is_said(tmp_path: Path) -> None:
    data = write_data(tmp_path / "photos", 9)
    data[1]["annotations"] = []
    with pytest.raises(ValueError, match="there is nothing to learn: no object on 3 training photos"):
        learn(tmp_path, data=data)


def test_without_validation_photos_the_last_epoch_is_taken(tmp_path: Path) -> None:
    photos, annotations, roles = write_data(tmp_path / "photos", 6)
    roles = roles[roles["role"] == "train"]
    _, log, report = learn(tmp_path, data=(photos, annotations, roles), training=TRAINING.replace(epochs=2))
    assert (report["best_epoch"], report["validation"], report["score_threshold"]) == (2, {}, 0.5)
    assert "validation_loss" not in log.columns


def test_a_loss_that_explodes_stops_the_training_and_names_the_photos(tmp_path: Path) -> None:
    training = TRAINING.replace(learning_rate=1e12, warmup_share=0.0, clip_norm=0.0, epochs=10)
    with pytest.raises(NonFiniteLossError, match=r"stopped in epoch \d+: \{'loss': .*loss_mask.*\} on photo_0\d.png, "):
        learn(tmp_path, training=training)


def test_loading_processes_change_nothing(tmp_path: Path) -> None:
    data = write_data(tmp_path / "photos", 9)
    alone, beside = (
        learn(tmp_path, data=data, training=TRAINING.replace(epochs=2, loader_workers=workers, cache_mb=cache))
        for workers, cache in ((0, 10), (2, 0))
    )
    pd.testing.assert_frame_equal(alone[1].drop(columns=TIMES), beside[1].drop(columns=TIMES))


def test_a_killed_training_goes_on_as_if_nothing_had_happened(lesson: Lesson, uninterrupted: Path) -> None:
    target = lesson.folder / "killed"
    process = lesson.start(target)
    deadline = time.monotonic() + 120
    while not list(target.rglob("state_*.pt")) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert list(target.rglob("state_*.pt"))
    assert process.returncode == -signal.SIGKILL
    resumed = lesson.start(target)
    error = resumed.communicate(timeout=300)[1]
    assert resumed.returncode == 0, error
    one, other = (pd.read_csv(folder / "log_0.csv").drop(columns=TIMES) for folder in (uninterrupted, target))
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    weights = [torch.load(folder / "weights.pt", weights_only=True) for folder in (uninterrupted, target)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    reports = [json.loads((folder / "report.json").read_text()) for folder in (uninterrupted, target)]
    assert reports[0]["validation"] == reports[1]["validation"]


def test_two_ranks_give_the_losses_of_one_process(lesson: Lesson, uninterrupted: Path) -> None:
    target = lesson.folder / "ranks"
    finish(*(lesson.start(target, environment) for environment in rank_environment(2)))
    one, rank_0, rank_1 = (
        pd.read_csv(path) for path in (uninterrupted / "log_0.csv", target / "log_0.csv", target / "log_1.csv")
    )
    shared = [*LOSSES, "loss", "validation_loss", "gradient_norm", "box.map", "mask.map"]
    pd.testing.assert_frame_equal(rank_0[shared], rank_1[shared], check_exact=True)
    # Sums are rounded in another order, which the steps amplify.
    pd.testing.assert_frame_equal(one.loc[:0, LOSSES], rank_0.loc[:0, LOSSES], rtol=1e-4)
    pd.testing.assert_frame_equal(one[LOSSES], rank_0[LOSSES], rtol=1e-2)
    report = json.loads((target / "report.json").read_text())
    assert (report["ranks"], report["photos"]) == (2, 5)
    assert len(list(target.rglob("complete"))) == 1


def test_the_first_rank_alone_reads_weights(lesson: Lesson, tmp_path: Path) -> None:
    """The other has the name of a file that it does not see, as on another machine."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        torch.save(resnet18(weights=None).state_dict(), tmp_path / "resnet18.pth")
    names = [str(tmp_path / "resnet18.pth"), str(tmp_path / "not_here.pth")]
    pairs = zip(rank_environment(2), names, strict=True)
    finish(*(lesson.start(tmp_path, environment, name) for environment, name in pairs))
    first, second = (pd.read_csv(tmp_path / f"log_{rank}.csv")[LOSSES] for rank in (0, 1))
    pd.testing.assert_frame_equal(first, second)
    weights = torch.load(tmp_path / "weights.pt", weights_only=True)
    start = torch.load(tmp_path / "resnet18.pth", weights_only=True)
    assert torch.equal(weights["backbone.body.bn1.running_var"], start["bn1.running_var"])
    assert torch.equal(weights["backbone.body.conv1.weight"], start["conv1.weight"])  # frozen


def test_more_ranks_than_photos_a_batch_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from triptych.shelf.preparation.learning_data import prepare_data
    from triptych.shelf.training.trainer import Trainer

    data = prepare_data(*write_data(tmp_path / "photos"), DETECTOR)
    monkeypatch.setenv("WORLD_SIZE", "8")
    with pytest.raises(ValueError, match="training.batch_size must be at least 8, a photo for every rank"):
        Trainer(data, DETECTOR, TRAINING)


def test_the_mean_of_weights_begins_with_those_that_all_ranks_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def receive(_: Any, network: torch.nn.Module) -> torch.nn.Module:
        """Change weights as DistributedDataParallel does on a rank that has read none."""
        for parameter in network.parameters():
            parameter.data += 1
        return network

    from triptych.shelf.preparation.learning_data import prepare_data
    from triptych.shelf.training.trainer import Trainer

    monkeypatch.setattr(Trainer, "_spread", receive)
    trainer = Trainer(prepare_data(*write_data(tmp_path / "photos"), DETECTOR), DETECTOR, TRAINING)
    pairs = zip(trainer.averaged.parameters(), trainer.detector.parameters(), strict=True)
    assert all(torch.equal(mean, weights) for mean, weights in pairs)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_step_waits_for_the_gpu_as_often_as_is_said(tmp_path: Path) -> None:
    """7 times a photo and 14 times a step at most (docs/benchmarks.md)."""
    from triptych.shelf.preparation.learning_data import prepare_data
    from triptych.shelf.training.losses import move_batch
    from triptych.shelf.training.trainer import Trainer

    trainer = Trainer(prepare_data(*write_data(tmp_path / "photos", 15), DETECTOR), DETECTOR, TRAINING)
    batch = move_batch(trainer._batches[0], torch.device("cuda", 0))
    trainer._learn(batch, 1e-3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            trainer._learn(batch, 1e-3)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    waits = [warning for warning in caught if "synchronizing CUDA operation" in str(warning.message)]
    assert 0 < len(waits) <= 7 * TRAINING.batch_size + 14


def test_the_parameters_of_a_run_stand_in_the_model(tmp_path: Path) -> None:
    model, *_ = learn(tmp_path, training=TRAINING.replace(epochs=1))
    assert json.loads((model.path / "model.json").read_text())["params"] == json.loads(
        json.dumps(DETECTOR.model_dump(exclude={"preset"}))
    )
