from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.models.detection.roi_heads import RoIHeads, maskrcnn_loss, project_masks_on_boxes

from tests.shelf.lessons import DETECTOR
from tests.shelf.preparation.test_photo_store import box_item, open_photo
from tests.shelf.tiny import write_data
from tests.shelf.whole_masks import paste_masks, paste_target
from triptych.shelf.data.dataset import PhotoSet
from triptych.shelf.model.detector import build_detector, normalise_images
from triptych.shelf.model.roi_heads import PartlyMaskedHeads, _project_crops
from triptych.shelf.preparation.augmentation import Variation
from triptych.shelf.preparation.batches import Batch, PlainBatches, collate
from triptych.shelf.preparation.photo_store import PhotoStore
from triptych.shelf.training.losses import LossNetwork, add_up_losses, reduce_losses


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
    model = copy.deepcopy(network.detector)
    model.roi_heads.__class__ = RoIHeads  # torchvision's own, which takes masks as large as the photo
    model.rpn.fg_bg_sampler.seed(batch.seeds)
    model.roi_heads.fg_bg_sampler.seed([seed ^ 1 for seed in batch.seeds])
    targets = [paste_target(target, size) for target, size in zip(batch.targets, batch.sizes, strict=True)]
    reference = model(list(batch.images / 255), targets)
    assert set(losses) == set(reference)
    for name, value in losses.items():
        torch.testing.assert_close(value, reference[name], rtol=1e-4, atol=1e-6)


def compute_mask_loss(
    heads: PartlyMaskedHeads, features: dict[str, Tensor], batch: Batch, bare: set[tuple[int, int]]
) -> Tensor:
    """torchvision's loss over the proposals of all objects but those, with masks as large as the photo."""
    boxes, matched, labels, _ = heads._drawn
    kept = [
        torch.where((kinds > 0) & torch.tensor([(number, int(item)) not in bare for item in items]))[0]
        for number, (kinds, items) in enumerate(zip(labels, matched, strict=True))
    ]
    boxes, matched = ([part[rows] for part, rows in zip(parts, kept, strict=True)] for parts in (boxes, matched))
    scores = heads.mask_predictor(heads.mask_head(heads.mask_roi_pool(features, boxes, batch.sizes)))
    targets = [paste_target(target, size) for target, size in zip(batch.targets, batch.sizes, strict=True)]
    loss: Tensor = maskrcnn_loss(scores, boxes, [t["masks"] for t in targets], [t["labels"] for t in targets], matched)
    return loss


def test_an_object_without_a_mask_is_left_out_of_the_loss_of_masks_only(network: LossNetwork, tmp_path: Path) -> None:
    (batch,) = plain_batches(tmp_path, 6)
    whole, whole_counts = network(batch)
    batch.targets[1]["mask_known"][:] = False
    batch.targets[1]["masks"][:] = 0
    losses, counts = network(batch)
    heads = network.detector.roi_heads
    with torch.no_grad():
        features = network.detector.backbone(normalise_images(network.detector, batch.images))
        expected = compute_mask_loss(heads, features, batch, {(1, 0)})
    torch.testing.assert_close(losses["loss_mask"].detach(), expected, rtol=1e-4, atol=1e-6)
    assert 0 < counts[2] < whole_counts[2]
    others = [name for name in losses if name != "loss_mask"]
    assert all(torch.equal(losses[name], whole[name]) for name in others)


def test_no_mask_at_all_has_no_loss_but_a_gradient(network: LossNetwork, tmp_path: Path) -> None:
    (batch,) = plain_batches(tmp_path, 6)
    for target in batch.targets:
        target["mask_known"][:] = False
    losses, counts = network(batch)
    assert (float(losses["loss_mask"]), float(counts[2])) == (0.0, 0.0)
    reduce_losses(losses, counts).total.backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in network.detector.roi_heads.mask_head.parameters())


@given(st.data())
def test_crops_give_the_targets_of_whole_masks(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Objects up to the photo's edges, mirrored and scaled: cut out by torchvision from whole masks and from crops."""
    sides = st.floats(0, 1)
    left, top, right, bottom = (data.draw(sides) for _ in range(4))
    x, y = sorted((left * 96, right * 96)), sorted((top * 64, bottom * 64))
    assume(min(x[1] - x[0], y[1] - y[0]) > 4)
    box = [x[0], y[0], x[1] - x[0], y[1] - y[0]]
    store = open_photo(tmp_path_factory.mktemp("photo"), (96, 64), [box_item(box)], largest_scale=1.5)
    variation = Variation(
        data.draw(st.booleans()), data.draw(st.floats(0.6, 1.5)), (data.draw(sides), data.draw(sides))
    )
    sample = store.vary(0, variation)
    assume(len(sample.boxes) > 0)
    assert sample.masks is not None
    (target,) = collate([sample], (64, 96), [0], ["a"]).targets
    jitter = torch.from_numpy(np.random.default_rng(0).uniform(-6, 6, (20, 4)).astype(np.float32))
    starts = torch.minimum((target["boxes"][0, :2] + jitter[:, :2]).clamp(min=0), torch.tensor([94.0, 62.0]))
    ends = torch.maximum(target["boxes"][0, 2:] + jitter[:, 2:], starts + 2)
    boxes = torch.cat([starts, torch.minimum(ends, torch.tensor([96.0, 64.0]))], dim=1)
    whole = torch.from_numpy(paste_masks(sample.masks, (64, 96)).copy())
    objects = torch.zeros(len(boxes), dtype=torch.int64)
    expected = project_masks_on_boxes(whole, boxes, objects, 14)
    torch.testing.assert_close(_project_crops(target, boxes, objects, 14), expected, rtol=0, atol=1e-4)


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
    assert reduce_losses(losses, counts).read() == pytest.approx(expected)
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
