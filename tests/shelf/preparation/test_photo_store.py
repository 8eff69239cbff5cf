from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask

from tests.shelf.tiny import PARAMS, SIZE, write_data
from tests.shelf.whole_masks import paste_masks
from triptych.shelf.data.dataset import PhotoSet
from triptych.shelf.model.preprocessing import target_size
from triptych.shelf.preparation.augmentation import Variation
from triptych.shelf.preparation.photo_store import PhotoStore

SHARES = st.floats(0, 1)


def open_photo(folder: Path, size: tuple[int, int], items: list[dict[str, Any]], **options: Any) -> PhotoStore:
    """A store with one photo, white where its first object's box is."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    for item in items[:1]:
        left, top, width, height = (round(value) for value in item["bbox"])
        pixels[top : top + height, left : left + width] = 255
    Image.fromarray(pixels).save(folder / "images" / "a.png")
    image = {"id": 1, "file_name": "a.png", "width": size[0], "height": size[1]}
    annotations = {"images": [image], "annotations": items, "categories": [{"id": 7, "name": "gap"}]}
    return PhotoStore(PhotoSet.select(folder, annotations, [1]), PARAMS, **{"masks": True, **options})


def box_item(bbox: list[float], **more: Any) -> dict[str, Any]:
    left, top, width, height = bbox
    outline = [left, top, left + width, top, left + width, top + height, left, top + height]
    return {"image_id": 1, "category_id": 7, "bbox": bbox, "segmentation": [outline], **more}


@given(st.booleans(), st.floats(0.6, 1.6), st.tuples(SHARES, SHARES), st.sampled_from([(96, 64), (120, 100), (40, 30)]))
def test_image_boxes_and_masks_stay_together(
    tmp_path_factory: pytest.TempPathFactory, flip: bool, scale: float, shift: tuple[float, float], size: Any
) -> None:
    bbox = [float(size[0] // 4), float(size[1] // 5), float(size[0] // 3), float(size[1] // 2)]
    store = open_photo(tmp_path_factory.mktemp("photo"), size, [box_item(bbox)], largest_scale=1.6, space=2**20)
    sample = store.vary(0, Variation(flip, scale, shift))
    assert sample.masks is not None
    assert sample.image.shape[:2] == store.target(0)
    for box, label, mask in zip(sample.boxes, sample.labels, paste_masks(sample.masks, store.target(0)), strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        extent = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        assert np.abs(extent - box).max() <= 1.5
        bright = sample.image[..., 0] > 127
        padding = (sample.image == [124, 116, 104]).all(axis=2)
        assert np.mean((bright == mask.astype(bool)) | padding) > 0.93
        assert label == 1


def test_the_same_photo_kept_and_not_kept_gives_the_same(tmp_path: Path) -> None:
    folder, annotations, _ = write_data(tmp_path)
    photos = PhotoSet.select(folder, annotations, [1, 2, 6])
    kept = PhotoStore(photos, PARAMS, masks=True, space=10 * 2**20)
    read = PhotoStore(photos, PARAMS, masks=True, space=0)
    assert (kept.kept, read.kept) == (3, 0)
    for index in (0, 1, 2, 0, 1, 2):  # prepared, and then as it was kept
        variation = Variation(True, 1.2, (0.3, 0.8), 1.1, 0.9, 1.2)
        one, other = kept.vary(index, variation), read.vary(index, variation)
        assert one.masks is not None
        assert other.masks is not None
        for part, same in zip([*one[:3], *one.masks], [*other[:3], *other.masks], strict=True):
            np.testing.assert_array_equal(part, same)


def test_only_what_fits_is_kept(tmp_path: Path) -> None:
    folder, annotations, _ = write_data(tmp_path)
    small = {**annotations, "images": [{**image, "width": 960, "height": 640} for image in annotations["images"]]}
    for image in small["images"]:
        Image.new("RGB", (960, 640)).save(folder / "images" / image["file_name"])
    params = PARAMS.replace(min_size_px=448, max_size_px=960)
    store = PhotoStore(PhotoSet.select(folder, small, [1, 2, 3]), params, masks=True, space=2 * 2**20)
    assert store.kept == 2  # 448 x 672 x 3 bytes are 0.86 MiB
    assert len(store.vary(2, Variation()).boxes) == 1


def test_masks_count_as_what_is_kept(tmp_path: Path) -> None:
    """Three photos of 96 x 64 pixels, 18,432 bytes each, and on each two masks of a whole photo, 6,144 bytes."""
    folder, annotations, _ = write_data(tmp_path)
    whole = box_item([0.0, 0.0, 96.0, 64.0])
    items = [{**whole, "image_id": photo} for photo in (1, 2, 3) for _ in range(2)]
    photos = PhotoSet.select(folder, {**annotations, "annotations": items, "categories": [{"id": 7}]}, [1, 2, 3])
    bare = PhotoStore(photos, PARAMS, masks=False, space=75_000)
    store = PhotoStore(photos, PARAMS, masks=True, space=85_000)
    assert (bare.kept, store.kept) == (3, 2)
    assert 2 * (18_432 + 2 * 6_144) <= store.kept_bytes <= 85_000


def test_a_mask_larger_than_its_box_is_counted_too(tmp_path: Path) -> None:
    outline = box_item([0.0, 0.0, 96.0, 64.0])["segmentation"]
    item = {**box_item([0.0, 0.0, 4.0, 4.0]), "segmentation": outline}
    assert open_photo(tmp_path, SIZE, [item], space=27_000).kept == 0
    assert open_photo(tmp_path, SIZE, [item], space=32_000).kept == 1


def test_run_lengths_are_read_too_and_crowds_are_no_objects(tmp_path: Path) -> None:
    mask = np.zeros((64, 96), np.uint8, order="F")
    mask[10:30, 20:50] = 1
    runs = coco_mask.encode(mask)
    item = {**box_item([20, 10, 30, 20]), "segmentation": {"size": [64, 96], "counts": runs["counts"].decode()}}
    crowd = {**box_item([60, 10, 30, 20]), "iscrowd": 1}
    sample = open_photo(tmp_path, SIZE, [item, crowd]).vary(0, Variation())
    assert sample.masks is not None
    np.testing.assert_array_equal(paste_masks(sample.masks, (64, 96)), [mask])
    np.testing.assert_array_equal(sample.boxes, [[20, 10, 50, 30]])


def test_an_object_without_a_mask_stays_with_its_box(tmp_path: Path) -> None:
    bare = box_item([60.0, 10.0, 20.0, 20.0])
    del bare["segmentation"]
    sample = open_photo(tmp_path, SIZE, [box_item([10.0, 10.0, 20.0, 20.0]), bare]).vary(0, Variation())
    assert sample.masks is not None
    assert sample.masks.known.tolist() == [True, False]
    assert len(sample.boxes) == 2


def test_many_objects_on_a_large_photo_are_carried_in_little_memory(tmp_path: Path) -> None:
    """20 objects on a photo scaled to 800 x 1067: masks as large as the photo would take 17 MB."""
    size = (4000, 3000)
    items = [box_item([200.0 + 700 * (n % 5), 150.0 + 700 * (n // 5), 220.0, 300.0], id=n) for n in range(20)]
    (tmp_path / "images").mkdir()
    Image.new("RGB", size).save(tmp_path / "images" / "a.jpg")
    image = {"id": 1, "file_name": "a.jpg", "width": size[0], "height": size[1]}
    annotations = {"images": [image], "annotations": items, "categories": [{"id": 7, "name": "gap"}]}
    params = PARAMS.replace(min_size_px=800, max_size_px=1333)
    store = PhotoStore(PhotoSet.select(tmp_path, annotations, [1]), params, masks=True)
    sample = store.vary(0, Variation(True, 1.1, (0.3, 0.6)))
    assert sample.masks is not None
    assert len(sample.boxes) >= 16
    assert sum(part.nbytes for part in sample.masks) < 400_000


def test_an_outline_too_thin_to_be_seen_leaves_its_box(tmp_path: Path) -> None:
    """A line across 400 x 300 pixels, 2 pixels thick, on a photo that is made ten times smaller."""
    thin = {"image_id": 1, "category_id": 7, "bbox": [100.0, 100.0, 400.0, 300.0]}
    outline = [100.0, 100.0, 102.0, 100.0, 500.0, 400.0, 498.0, 400.0]
    whole = box_item([500.0, 450.0, 200.0, 150.0])
    store = open_photo(tmp_path, (960, 640), [{**thin, "segmentation": [outline]}, whole])
    sample = store.vary(0, Variation())
    np.testing.assert_allclose(sample.boxes, [[10, 10, 50, 40], [50, 45, 70, 60]], atol=1e-4)
    assert sample.masks is not None
    assert sample.masks.known.tolist() == [False, True]


def test_what_is_cropped_away_is_left_out(tmp_path: Path) -> None:
    items = [box_item([2.0, 2.0, 20.0, 20.0]), box_item([70.0, 40.0, 20.0, 20.0])]
    sample = open_photo(tmp_path, SIZE, items).vary(0, Variation(scale=1.6, shift=(1.0, 1.0)))
    assert len(sample.boxes) == 1
    assert sample.boxes[0, 0] > 40


def test_photos_without_objects_give_empty_targets(tmp_path: Path) -> None:
    sample = open_photo(tmp_path, SIZE, []).vary(0, Variation(flip=True, scale=1.3))
    assert sample.masks is not None
    assert (sample.boxes.shape, sample.labels.shape, sample.masks.pixels.shape) == ((0, 4), (0,), (0, 1, 1))


def test_without_masks_none_are_read(tmp_path: Path) -> None:
    item = box_item([10.0, 10.0, 20.0, 20.0])
    del item["segmentation"]
    assert open_photo(tmp_path, SIZE, [item], masks=False).vary(0, Variation()).masks is None


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_the_size_is_torchvisions(height: int, width: int) -> None:
    import torch
    from torchvision.models.detection.transform import GeneralizedRCNNTransform

    scale = min(PARAMS.min_size_px / min(height, width), PARAMS.max_size_px / max(height, width))
    if min(height, width) * scale < 1 or height * width > 10**6:
        return
    transform = GeneralizedRCNNTransform(PARAMS.min_size_px, PARAMS.max_size_px, [0.0] * 3, [1.0] * 3).eval()
    resized, _ = transform.resize(torch.zeros(3, height, width))
    # torch computes the product in its own order, which can differ where it is a whole number.
    assert np.abs(np.subtract(resized.shape[1:], target_size(height, width, PARAMS))).max() <= 1
