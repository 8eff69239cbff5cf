"""The plots draw what they are given."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.shelf.shapes import detect_all, make_truth
from triptych.shelf.evaluation.coco_metrics import trace_precision_recall
from triptych.shelf.evaluation.plots import plot_precision_recall, plot_training

pytest.importorskip("plotly", reason="plotly, which draws figures, is not installed")
POINT = {"test.precision": 0.9, "test.recall": 0.8, "test.score_threshold": 0.61}


def test_every_kind_and_overlap_has_its_curve() -> None:
    truth = make_truth({1: [[10.0, 10.0, 40.0, 40.0]]})
    for masks, names in ((False, ["box"]), (True, ["box", "mask"])):
        figure = plot_precision_recall(trace_precision_recall(truth, detect_all(truth), masks), POINT)
        lines = [f"{kind}, IoU {iou}" for kind in names for iou in ("0.5", "0.75")]
        assert [trace.name for trace in figure.data] == [*lines, "box, score from 0.61"]
        assert len(figure.data[0].x) == 101
        assert (figure.data[-1].x, figure.data[-1].y) == ((0.8,), (0.9,))
        assert figure.layout.title.text is None


def test_without_objects_there_is_only_the_point() -> None:
    assert len(plot_precision_recall(trace_precision_recall(make_truth({1: []}), [], True), POINT).data) == 1


def test_training_shows_losses_and_what_was_validated() -> None:
    log = pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "loss": [3.0, 2.0, 1.0],
            "loss_mask": [1.0, 0.5, 0.2],
            "validation_loss": [None, 2.5, 1.5],
            "box.map": [None, 0.2, 0.4],
            "box.map_50": [None, 0.5, 0.7],
            "learning_rate": [0.1, 0.1, 0.1],
            "seconds": [1.0, 1.0, 1.0],
        }
    )
    figure = plot_training(log)
    drawn = {trace.name: (list(trace.x), list(trace.y)) for trace in figure.data}
    assert drawn == {
        "all": ([1, 2, 3], [3.0, 2.0, 1.0]),
        "masks": ([1, 2, 3], [1.0, 0.5, 0.2]),
        "all, on validation photos": ([2, 3], [2.5, 1.5]),
        "box AP": ([2, 3], [0.2, 0.4]),
        "box AP50": ([2, 3], [0.5, 0.7]),
    }
    assert figure.layout.title.text is None


def test_a_single_epoch_can_be_seen() -> None:
    figure = plot_training(pd.DataFrame({"epoch": [1], "loss": [3.0], "box.map": [0.1]}))
    assert [trace.mode for trace in figure.data] == ["lines+markers"] * 2
