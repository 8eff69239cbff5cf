"""A preset fills in what nobody has set."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import yaml
from torchvision.models.detection import maskrcnn_resnet50_fpn

from tests.conftest import ROOT
from triptych.shelf.model.architecture import Architecture
from triptych.shelf.model.detector import build_detector
from triptych.shelf.params import DetectorParams, TrainingParams
from triptych.shelf.training.presets import PRESETS, apply_preset

FIELDS = DetectorParams.model_fields.keys() | TrainingParams.model_fields.keys()


def of_project(**values: Any) -> DetectorParams:
    """Settings that an environment of the project gives, which nobody set explicitly."""
    return DetectorParams(**values).with_fields_set({"preset"})


def test_without_a_preset_nothing_changes() -> None:
    detector, training = DetectorParams(min_size_px=100), TrainingParams(epochs=3)
    assert apply_preset(detector, training) == (detector, training)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_valid_and_only_of_fields_that_there_are(preset: Any) -> None:
    assert PRESETS[preset].keys() <= FIELDS
    detector, training = apply_preset(DetectorParams(preset=preset), TrainingParams())
    assert detector.preset == "none"
    for name, value in PRESETS[preset].items():
        if name != "preset":
            assert getattr(detector if name in DetectorParams.model_fields else training, name) == value
    # The second time there is nothing left to do.
    assert apply_preset(detector, training) == (detector, training)


def test_what_is_set_explicitly_stays() -> None:
    detector, training = apply_preset(DetectorParams(preset="paper", roi_batch=64), TrainingParams(epochs=3))
    assert (detector.roi_batch, detector.min_size_px, training.epochs, training.batch_size) == (64, 800, 3, 8)
    with pytest.raises(ValueError, match="max_size_px: must be at least min_size_px"):
        apply_preset(
            DetectorParams(preset="paper", min_size_px=2000, max_size_px=2400)
            .replace(max_size_px=2400)
            .with_fields_set({"preset", "min_size_px"}),
            TrainingParams(),
        )


def test_the_sample_is_that_of_conf_base_in_every_environment() -> None:
    azure = yaml.safe_load((ROOT / "conf/azure/shelf/parameters.yml").read_text())["shelf"]
    there = DetectorParams(preset="sample", **azure["detector"]).with_fields_set({"preset"})
    training = TrainingParams(**azure["training"]).with_fields_set(set())
    detector, training = apply_preset(there, training)
    assert detector == DetectorParams()
    assert training == TrainingParams(num_nodes=azure["training"]["num_nodes"], cache_mb=azure["training"]["cache_mb"])


def test_the_paper_is_what_conf_azure_trains() -> None:
    azure = yaml.safe_load((ROOT / "conf/azure/shelf/parameters.yml").read_text())["shelf"]
    detector, training = apply_preset(of_project(preset="paper"), TrainingParams())
    assert detector == DetectorParams(**azure["detector"])
    machine = {name: azure["training"][name] for name in ("num_nodes", "cache_mb") if name in azure["training"]}
    assert training.replace(**machine) == TrainingParams(**azure["training"])


def test_the_paper_is_torchvisions_model_and_the_others_are_smaller() -> None:
    sizes = {}
    with torch.device("meta"):
        for preset in PRESETS:
            detector, _ = apply_preset(DetectorParams(preset=preset), TrainingParams())  # type: ignore[arg-type]
            open_ones = {"min_size_px": 256, "max_size_px": 448, "anchor_sizes": ((16,),), "aspect_ratios": (0.5, 1, 2)}
            settled = {name: value for name, value in open_ones.items() if not getattr(detector, name)}
            model = build_detector(detector.replace(**settled), 1, masks=True, architecture=Architecture("batch"))
            sizes[preset] = sum(parameter.numel() for parameter in model.parameters())
        reference = maskrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=2)
    assert sizes["paper"] == sum(parameter.numel() for parameter in reference.parameters())
    assert sizes["sample"] < sizes["small"] < sizes["paper"] / 2
