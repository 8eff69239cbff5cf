"""Photos and their objects as the detector learns from them, kept in memory as far as they fit."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from triptych.parallel import count_cores
from triptych.shelf.data.dataset import PhotoSet, decode_mask
from triptych.shelf.model.preprocessing import PADDING, resize_image, target_size
from triptych.shelf.params import DetectorParams
from triptych.shelf.training.augmentation import Variation, change_colours, place
from triptych.shelf.training.object_masks import MaskCrops, ObjectMask, crop_masks, keep_mask

_LEAST_PX = 2.0  # a narrower rest of an object is left out
_LEAST_SEEN = 0.25  # share of an object that must be left when a photo is cropped


class KeptPhoto(NamedTuple):
    """A photo as it is kept in memory: no larger than any variation of it needs.

    Attributes:
        image: RGB, H x W x 3.
        boxes: N x 4, left, top, right, bottom on this image.
        labels: N, from 1.
        masks: N, None for an object that has none; or None where no masks are learnt.
        target: Height and width that the detector scales the photo to.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: list[ObjectMask | None] | None
    target: tuple[int, int]

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        covers = [mask.cover for mask in self.masks or () if mask is not None]
        return int(self.image.nbytes + self.boxes.nbytes + self.labels.nbytes + sum(cover.nbytes for cover in covers))


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
    """Gives photos in any variation; keeps them in memory, scaled down to what is needed, as far as they fit.

    Args:
        photos: The photos.
        params: Says to which size they are scaled.
        masks: Whether masks are wanted.
        largest_scale: Largest factor by which a variation enlarges.
        memory: How many bytes to keep.

    Attributes:
        kept_bytes: Memory that what is kept takes.
    """

    def __init__(
        self, photos: PhotoSet, params: DetectorParams, *, masks: bool, largest_scale: float = 1.0, memory: int = 0
    ) -> None:
        self.photos = photos
        self._masks = masks
        self._largest_scale = largest_scale
        self._targets = [target_size(image["height"], image["width"], params) for image in photos.images]
        self._kept: dict[int, KeptPhoto] = {}
        self.kept_bytes = 0
        self._fill(memory)

    def _fill(self, memory: int) -> None:
        """Keep photos from the first on, as many as fit: estimated before, and counted after they are prepared."""
        fitting = int(
            np.searchsorted(np.cumsum([self._estimate(index) for index in range(len(self))]), memory, "right")
        )
        with ThreadPoolExecutor(count_cores()) as pool:  # decoding leaves Python's lock
            for index, photo in enumerate(pool.map(self._prepare, range(fitting))):
                if self.kept_bytes + photo.nbytes > memory:
                    break
                self._kept[index] = photo
                self.kept_bytes += photo.nbytes

    def __len__(self) -> int:
        return len(self.photos)

    def target(self, index: int) -> tuple[int, int]:
        """Give the height and width of a photo as the detector sees it."""
        return self._targets[index]

    @property
    def kept(self) -> int:
        """Give the number of photos in memory."""
        return len(self._kept)

    def vary(self, index: int, variation: Variation) -> Sample:
        """Give a photo in one variation.

        Args:
            index: Of the photo.
            variation: What is done to it.
        """
        return vary_photo(self.read(index), variation)

    def read(self, index: int) -> KeptPhoto:
        """Give a photo as it is kept; one that is not is read and prepared anew."""
        return self._kept.get(index) or self._prepare(index)

    def _prepare(self, index: int) -> KeptPhoto:
        image = self.photos.read_image(index)
        height, width = image.shape[:2]
        size = self._kept_size(index)
        objects = self.photos.objects[index]
        across, down = size[1] / width, size[0] / height
        boxes = np.array([item["bbox"] for item in objects], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        labels = np.array([self.photos.labels[item["category_id"]] for item in objects], np.int64)
        masks: list[ObjectMask | None] | None = None
        if self._masks:
            drawn = (item.get("segmentation") for item in objects)
            masks = [keep_mask(decode_mask(mask, height, width), across, down) if mask else None for mask in drawn]
        scaled = boxes * np.array([across, down, across, down], np.float32)
        return KeptPhoto(resize_image(image, size), scaled, labels, masks, self._targets[index])

    def _kept_size(self, index: int) -> tuple[int, int]:
        image, target = self.photos.images[index], self._targets[index]
        height, width = (math.ceil(side * self._largest_scale) for side in target)
        return min(image["height"], height), min(image["width"], width)

    def _estimate(self, index: int) -> int:
        """Estimate the bytes that a photo and its masks take: a mask is about as large as its box."""
        image, (height, width) = self.photos.images[index], self._kept_size(index)
        shrunk = height * width / (image["height"] * image["width"])
        boxes = [item["bbox"] for item in self.photos.objects[index] if self._masks and item.get("segmentation")]
        return 3 * height * width + int(sum(box[2] * box[3] for box in boxes) * shrunk)


def vary_photo(kept: KeptPhoto, variation: Variation) -> Sample:
    """Give a photo in one variation."""
    placement = place(variation, kept.image.shape[:2], kept.target)
    image = change_colours(placement.move_pixels(kept.image, fill=PADDING), variation)
    boxes = placement.move_boxes(kept.boxes)
    whole = abs(placement.x_scale * placement.y_scale) * _areas(kept.boxes)
    sides = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    seen = (sides >= _LEAST_PX) & (_areas(boxes) >= _LEAST_SEEN * whole)
    if kept.masks is None:
        return Sample(image, boxes[seen], kept.labels[seen], None)
    masks = crop_masks(kept.masks, placement)
    seen &= masks.pixels.any(axis=(1, 2)) | ~masks.known
    return Sample(image, boxes[seen], kept.labels[seen], MaskCrops(*(part[seen] for part in masks)))


def _areas(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), np.float32)
