from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.shelf.lessons import DETECTOR
from tests.shelf.tiny import write_data
from triptych.shelf.data.dataset import PhotoSet
from triptych.shelf.model.detector import build_detector
from triptych.shelf.training.batches import Batch, PlainBatches
from triptych.shelf.training.losses import LossNetwork, add_up_losses, reduce_losses
from triptych.shelf.training.photo_store import PhotoStore


@pytest.fixture
def network() -> LossNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LossNetwork(build_detector(DETECTOR, 1, masks=True), torch.float32, channels_last=True).train()


def plain_batches(folder: Path, size: int) -> list[Batch]:
    photos, annotations, _ = write_data(folder, 6)
    store = PhotoStore(PhotoSet.select(photos, annotations, range(1, 7)), DETECTOR, masks=True)
    return list(PlainBatches(store, size))


def test_losses_are_torchvisions(network: LossNetwork, tmp_path: Path) -> None:
    (batch,) = plain_batches(tmp_path, 6)
    losses, _ = network(batch)
    model = network.detector
    model.rpn.fg_bg_sampler.seed(batch.seeds)
    model.roi_heads.fg_bg_sampler.seed([seed ^ 1 for seed in batch.seeds])
    reference = model(list(batch.images / 255), [dict(target) for target in batch.targets])
    assert set(losses) == set(reference)
    for name, value in losses.items():
        torch.testing.assert_close(value, reference[name], rtol=1e-4, atol=1e-6)


def test_the_same_batch_has_the_same_losses(network: LossNetwork, tmp_path: Path) -> None:
    (batch,) = plain_batches(tmp_path, 6)
    (first, _), (second, _) = network(batch), network(batch)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_parts_make_up_the_losses_of_the_whole(network: LossNetwork, tmp_path: Path) -> None:
    (whole,), parts = plain_batches(tmp_path / "a", 6), plain_batches(tmp_path / "b", 4)
    with torch.no_grad():
        expected = add_up_losses([network(whole)])
        together = add_up_losses([network(part) for part in parts])
        losses, counts = network(whole)
    assert together == pytest.approx(expected, rel=1e-4)
    assert reduce_losses(losses, counts).values == pytest.approx(expected)
    assert float(reduce_losses(losses, counts).total) == pytest.approx(float(sum(losses.values())))


def test_the_shares_of_ranks_have_the_gradient_of_the_whole(
    network: LossNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole,), parts = plain_batches(tmp_path / "a", 6), plain_batches(tmp_path / "b", 4)
    weight = network.detector.backbone.body.conv1.weight
    (expected,) = torch.autograd.grad(reduce_losses(*network(whole)).total, weight)
    sums = torch.stack([_sums(network, part) for part in parts]).sum(dim=0)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr("triptych.distributed.sum_over_ranks", lambda mine: sums)
    gradients = [torch.autograd.grad(reduce_losses(*network(part)).total, weight)[0] for part in parts]
    # DistributedDataParallel averages them.
    torch.testing.assert_close(torch.stack(gradients).mean(dim=0), expected, rtol=1e-3, atol=1e-5)


def _sums(network: LossNetwork, batch: Batch) -> torch.Tensor:
    from triptych.shelf.training.losses import _sum_up

    return torch.stack(_sum_up(*network(batch)))


def test_no_batches_have_no_loss() -> None:
    assert set(add_up_losses([]).values()) == {0.0}


def test_a_loss_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="loss_keypoint"):
        reduce_losses({"loss_keypoint": torch.zeros(())}, torch.zeros(3))
