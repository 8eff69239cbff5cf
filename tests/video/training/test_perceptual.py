"""What compares styles: calibrated random networks, and VGG16 where its weights are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from triptych.video.params import StyleTrainingParams
from triptych.video.training.losses import PaletteLoss, StyleLoss, content_loss, gram
from triptych.video.training.perceptual import RandomPyramid, Vgg16, choose_perceptual


def stripes(period: int, across: bool) -> torch.Tensor:
    wave = (torch.arange(96) // period % 2).float()
    rows = wave[:, None].expand(96, 96)
    return (rows.T if across else rows).expand(1, 3, 96, 96).contiguous()


def test_calibration_gives_every_channel_unit_deviation() -> None:
    network = RandomPyramid(0)
    picture = torch.rand(1, 3, 64, 64)
    network.calibrate(picture)
    before_relu: list[torch.Tensor] = []
    for scale in network._scales:
        for layer in scale:
            if isinstance(layer, torch.nn.Conv2d):
                layer.register_forward_hook(lambda _, __, output: before_relu.append(output))
    features = network(picture)
    assert len(features) == len(before_relu) == 18
    for output in before_relu:
        assert torch.allclose(output.std(dim=(0, 2, 3)), torch.ones(output.shape[1]), atol=1e-3)


def test_the_random_network_tells_styles_apart_and_not_places() -> None:
    network = RandomPyramid(0)
    loss = StyleLoss(network, stripes(4, across=False))

    def measure(picture: torch.Tensor) -> float:
        return float(loss(network(picture)))

    same = measure(torch.roll(stripes(4, across=False), 8, 2))
    assert measure(stripes(4, across=False)) < 1e-3
    assert same < 0.1 * measure(stripes(4, across=True))
    assert same < 0.1 * measure(stripes(12, across=False))


def test_a_style_without_any_texture_can_be_compared() -> None:
    network = RandomPyramid(0)
    loss = StyleLoss(network, torch.full((1, 3, 64, 64), 0.3))
    assert 0 < float(loss(network(torch.rand(1, 3, 64, 64)))) < float("inf")


def test_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(5)
    first = RandomPyramid(1).state_dict()
    torch.manual_seed(6)
    second, other = RandomPyramid(1).state_dict(), RandomPyramid(2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)


def test_gram_matrices_are_means_over_places() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    assert torch.equal(gram(features), torch.tensor([[[2.5, 5.5], [5.5, 12.5]]]))


def test_content_is_luma_and_coarse_changes_count_most() -> None:
    kept = torch.full((1, 1, 64, 64), 0.5)
    grey = kept.expand(1, 3, 64, 64)
    assert content_loss(grey, kept) < 1e-6
    coloured = grey.clone()
    coloured[:, 0] += 0.114
    coloured[:, 2] -= 0.299
    assert content_loss(coloured, kept) < 1e-6
    fine = 0.1 * (-1.0) ** (torch.arange(64)[:, None] + torch.arange(64))
    assert content_loss(grey + fine, kept) < 0.1 * content_loss(grey + 0.1, kept)


def test_the_palette_counts_colours_wherever_they_are() -> None:
    torch.manual_seed(0)
    loss = PaletteLoss(stripes(8, across=False))
    assert loss(stripes(8, across=True)) < 0.03
    grey = torch.full((1, 3, 96, 96), 0.5)
    assert loss(grey) > 0.3
    red = stripes(8, across=False)
    red[:, 1:] = 0
    assert loss(red) > 0.1


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
    network = choose_perceptual(StyleTrainingParams(perceptual="vgg16", vgg16_weights=str(vgg16_file)))
    assert isinstance(network, Vgg16)
    shapes = [tuple(features.shape[1:]) for features in network(torch.rand(1, 3, 32, 32))]
    assert shapes == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]


def test_auto_takes_vgg16_only_where_its_weights_are(
    vgg16_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert isinstance(choose_perceptual(StyleTrainingParams(perceptual="auto")), RandomPyramid)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "vgg16-397923af.pth").symlink_to(vgg16_file)
    assert isinstance(choose_perceptual(StyleTrainingParams(perceptual="auto")), Vgg16)


def test_missing_and_other_weights_are_refused(tmp_path: Path) -> None:
    missing = StyleTrainingParams(perceptual="vgg16", vgg16_weights=str(tmp_path / "none.pth"))
    with pytest.raises(ValueError, match="vgg16_weights"):
        choose_perceptual(missing)
    torch.save({"features.0.weight": torch.ones(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="features.0.bias is missing"):
        choose_perceptual(StyleTrainingParams(perceptual="vgg16", vgg16_weights=str(tmp_path / "other.pth")))
