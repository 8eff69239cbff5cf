"""A mask is the same in each of COCO's ways to write it."""

from __future__ import annotations

import numpy as np

from triptych.shelf.data.dataset import decode_mask


def test_every_way_to_write_a_mask_is_read() -> None:
    from pycocotools import mask as coco_mask

    expected = np.zeros((4, 5), np.uint8)
    expected[1:3, 2:4] = 1
    runs = coco_mask.encode(np.asfortranarray(expected))
    ways = [
        {"size": [4, 5], "counts": runs["counts"]},
        {"size": [4, 5], "counts": runs["counts"].decode()},
        {"size": [4, 5], "counts": [9, 2, 2, 2, 5]},  # down the columns
        [[2, 1, 4, 1, 4, 3, 2, 3]],
        [[2, 1, 4, 1, 4, 2, 2, 2], [2, 2, 4, 2, 4, 3, 2, 3]],
    ]
    for way in ways:
        assert decode_mask(way, 4, 5).tolist() == expected.tolist()
