"""Photos and their objects as the detector learns from them: prepared once, kept on disk as far as they fit."""

from __future__ import annotations

import hashlib
import json
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triptych.shelf.data.dataset import PhotoSet, locate_photo
from triptych.shelf.data.mask_crops import draw_crop, mask_extent
from triptych.shelf.data.photo_files import sample_file
from triptych.shelf.model.preprocessing import PADDING, resize_image, target_size
from triptych.shelf.params import DetectorParams
from triptych.shelf.preparation.augmentation import Variation, change_pixels, place
from triptych.shelf.preparation.object_masks import MaskCrops, ObjectMask, crop_masks, keep_mask
from triptych.shelf.preparation.prepared_photos import KeptPhoto, PreparedPhotos

_FORMAT = 1
"""To be raised when a photo is prepared otherwise: what was kept of other formats is not found."""
_FILE_BYTES, _OBJECT_BYTES = 4096, 128  # of a file, beside its pixels
_LEAST_PX = 2.0  # a narrower rest of an object is left out
_WHOLE = 0.99  # share from which on an object counts as not cropped
_LEAST_SEEN = 0.25  # share of an object that must be left when a photo is cropped


class Sample(NamedTuple):
    """A photo as the detector sees it.

    Attributes:
        image: RGB, H x W x 3.
        boxes: N x 4, left, top, right, bottom in pixels.
        labels: N, from 1.
        masks: Of N objects, or None where none are learnt.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: MaskCrops | None


class PhotoStore:
    """Gives photos in any variation; each is prepared once, and kept on disk, scaled down to what is needed.

    Args:
        photos: The photos.
        params: Says to which size they are scaled.
        masks: Whether masks are wanted.
        largest_scale: Largest factor by which a variation enlarges.
        space: Bytes of disk to keep them in: the first photos are kept, as many as fit.

    Attributes:
        kept: How many photos are kept once they are prepared.
        kept_bytes: Disk that they take then.
    """

    def __init__(
        self, photos: PhotoSet, params: DetectorParams, *, masks: bool, largest_scale: float = 1.0, space: int = 0
    ) -> None:
        self.photos = photos
        self._masks = masks
        self._largest_scale = largest_scale
        self._targets = [target_size(image["height"], image["width"], params) for image in photos.images]
        sums = np.cumsum([0, *(self._measure(index) for index in range(len(self)))])
        self.kept = int(np.searchsorted(sums, space, "right")) - 1
        self.kept_bytes = int(sums[self.kept])
        self._prepared = PreparedPhotos(self._key()) if self.kept else None

    def __len__(self) -> int:
        return len(self.photos)

    def target(self, index: int) -> tuple[int, int]:
        """Give the height and width of a photo as the detector sees it."""
        return self._targets[index]

    def vary(self, index: int, variation: Variation) -> Sample:
        """Give a photo in one variation.

        Args:
            index: Of the photo.
            variation: What is done to it.
        """
        return vary_photo(self.read(index), variation)

    def read(self, index: int) -> KeptPhoto:
        """Give a photo as it is kept; one that is not is prepared, and kept if it fits."""
        if self._prepared is None or index >= self.kept:
            return self._prepare(index)
        photo = self._prepared.read(index)
        if photo is None:
            photo = self._prepare(index)
            self._prepared.write(index, photo)
        return photo

    def _prepare(self, index: int) -> KeptPhoto:
        info, objects, size = self.photos.images[index], self.photos.objects[index], self._kept_size(index)
        height, width = info["height"], info["width"]
        image = resize_image(self.photos.read_image(index, size), size)
        across, down = size[1] / width, size[0] / height
        boxes = np.array([item["bbox"] for item in objects], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        labels = np.array([self.photos.labels[item["category_id"]] for item in objects], np.int64)
        masks: list[ObjectMask | None] | None = None
        if self._masks:
            drawn = (item.get("segmentation") for item in objects)
            masks = [keep_mask(draw_crop(mask, height, width), across, down) if mask else None for mask in drawn]
        scaled = boxes * np.array([across, down, across, down], np.float32)
        return KeptPhoto(image, scaled, labels, masks, self._targets[index])

    def _kept_size(self, index: int) -> tuple[int, int]:
        image, target = self.photos.images[index], self._targets[index]
        height, width = (math.ceil(side * self._largest_scale) for side in target)
        return min(image["height"], height), min(image["width"], width)

    def _measure(self, index: int) -> int:
        """Give the bytes that a photo and its masks take: a mask as many as pixels around it."""
        image, (height, width) = self.photos.images[index], self._kept_size(index)
        across, down = width / image["width"], height / image["height"]
        size = _FILE_BYTES + 3 * height * width
        for item in self.photos.objects[index]:
            if self._masks and item.get("segmentation"):
                box = mask_extent(item["segmentation"], image["height"], image["width"])
                size += math.ceil(box[2] * across + 2) * math.ceil(box[3] * down + 2) + _OBJECT_BYTES
        return size

    def _key(self) -> str:
        """Name all that the prepared photos depend on."""
        settings = [_FORMAT, self._masks, self._targets, [self._kept_size(index) for index in range(len(self))]]
        data = [self.photos.images, self.photos.objects, sorted(self.photos.labels.items())]
        digest = hashlib.sha256(json.dumps([settings, data], sort_keys=True).encode())
        for image in self.photos.images:
            digest.update(sample_file(locate_photo(self.photos.folder, image)))
        return digest.hexdigest()[:32]


def vary_photo(kept: KeptPhoto, variation: Variation) -> Sample:
    """Give a photo in one variation."""
    placement = place(variation, kept.image.shape[:2], kept.target)
    image = change_pixels(placement.move_pixels(kept.image, fill=PADDING), variation)
    boxes = placement.move_boxes(kept.boxes)
    whole = _areas(placement.spread_boxes(kept.boxes))
    sides = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    seen = (sides >= _LEAST_PX) & (_areas(boxes) >= _LEAST_SEEN * whole)
    if kept.masks is None:
        return Sample(image, boxes[seen], kept.labels[seen], None)
    masks = crop_masks(kept.masks, placement)
    gone = masks.known & ~masks.pixels.any(axis=(1, 2))
    # A thin outline that scaling has left no pixel of: the object is there, and its box is learnt from.
    seen &= ~gone | (_areas(boxes) >= _WHOLE * whole)
    masks = masks._replace(known=masks.known & ~gone)
    return Sample(image, boxes[seen], kept.labels[seen], MaskCrops(*(part[seen] for part in masks)))


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float32)
