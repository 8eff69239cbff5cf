"""VGG16 compares styles where its weights are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from triptych.video.params import StyleTrainingParams
from triptych.video.training.perceptual import Vgg16, choose_vgg16
from triptych.video.training.training import train_style


@pytest.fixture(scope="module")
def vgg16_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from torchvision.models import vgg16

    torch.manual_seed(0)
    with torch.device("meta"):
        shapes = vgg16().features[:23].state_dict()
    path = tmp_path_factory.mktemp("vgg") / "vgg16.pth"
    torch.save({f"features.{name}": 0.03 * torch.randn(value.shape) for name, value in shapes.items()}, path)
    return path


def test_vgg16_is_read_from_a_file(vgg16_file: Path) -> None:
    network = choose_vgg16(StyleTrainingParams(perceptual="vgg16", vgg16_weights=str(vgg16_file)))
    assert isinstance(network, Vgg16)
    shapes = [tuple(features.shape[1:]) for features in network(torch.rand(1, 3, 32, 32))]
    assert shapes == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]


def test_auto_takes_vgg16_only_where_its_weights_are(
    vgg16_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert choose_vgg16(StyleTrainingParams(perceptual="auto")) is None
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "vgg16-397923af.pth").symlink_to(vgg16_file)
    assert isinstance(choose_vgg16(StyleTrainingParams(perceptual="auto")), Vgg16)


def test_missing_and_other_weights_are_refused(tmp_path: Path) -> None:
    missing = StyleTrainingParams(perceptual="vgg16", vgg16_weights=str(tmp_path / "none.pth"))
    with pytest.raises(ValueError, match="vgg16_weights"):
        choose_vgg16(missing)
    torch.save({"features.0.weight": torch.ones(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="features.0.bias is missing"):
        choose_vgg16(StyleTrainingParams(perceptual="vgg16", vgg16_weights=str(tmp_path / "other.pth")))


@pytest.mark.parametrize("content", ["", "hello", "<html>404</html>", [torch.ones(3)], {"state_dict": {}, "epoch": 3}])
@pytest.mark.parametrize("perceptual", ["vgg16", "auto"])
def test_a_file_of_anything_else_is_refused_with_what_to_do(content: object, perceptual: str, tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    if isinstance(content, str):
        path.write_text(content)
    else:
        torch.save(content, path)
    training = StyleTrainingParams.model_validate({"perceptual": perceptual, "vgg16_weights": str(path)})
    with pytest.raises(ValueError, match="give their file as vgg16_weights"):
        choose_vgg16(training)


def test_it_trains_a_style(vgg16_file: Path) -> None:
    random = np.random.default_rng(0)
    photos = [random.integers(0, 255, (70, 80, 3), dtype=np.uint8)]
    training = StyleTrainingParams(
        perceptual="vgg16",
        vgg16_weights=str(vgg16_file),
        width=4,
        blocks=1,
        steps=30,
        batch_size=1,
        crop_px=64,
        style_px=96,
        learning_rate=1e-2,
        total_variation_weight=1.0,
    )
    _, log = train_style(random.integers(0, 255, (60, 60, 3), dtype=np.uint8), photos, training)
    assert log["texture"].iloc[-3:].mean() < 0.9 * log["texture"].iloc[0]
    assert {"structure", "flicker", "total_variation"} < set(log)
