"""Find the objects on photos: batched, in the device's fastest precision, results in COCO's format."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.models.detection.image_list import ImageList

from triptych.parallel import count_threads, threaded_map
from triptych.shelf.data.dataset import locate_photo
from triptych.shelf.data.mask_crops import MaskCrop, encode_crop
from triptych.shelf.data.photo_files import Size, read_reduced
from triptych.shelf.devices import autocast, choose_dtype
from triptych.shelf.model.detector import normalise_images
from triptych.shelf.model.files import LoadedDetector
from triptych.shelf.model.mirrored import fuse_mirrored
from triptych.shelf.model.preprocessing import resize_image, stack_images, target_size
from triptych.shelf.params import DetectorParams

LOOK_AHEAD = 4
"""Batches: photos of equal size among them go together."""
_DESCRIBING_THREADS = 2
_MOST_READERS = 16
_LANES_PIXELS = 2_000_000
"""That are looked at together: of ResNet-50 as published that is some gigabytes of features."""
_HALF = 0.5

Result = TypeVar("Result")


class Photo(NamedTuple):
    """A photo to look at.

    Attributes:
        image_id: What its results are marked with.
        image: RGB, uint8, H x W x 3: the photo itself, or scaled down to no less than `size`.
        size: Height and width that the detector scales it to.
        whole: Height and width of the photo itself, on which results are given.
    """

    image_id: int
    image: NDArray[np.uint8]
    size: tuple[int, int]
    whole: tuple[int, int]


_Found = tuple[Photo, dict[str, Tensor]]


def prepare_photo(path: Path, image_id: int, params: DetectorParams, max_pixels: int) -> Photo:
    """Read a photo no larger than the detector needs it, and scale it to that.

    Args:
        path: The file.
        image_id: What its results are to be marked with.
        params: Of the detector.
        max_pixels: Refuse larger photos, before they are decoded.

    Raises:
        PhotoError: If the file cannot be used; the message says why.
    """

    def fit(size: Size) -> Size:
        height, width = target_size(size.height, size.width, params)
        return Size(width, height)

    image, whole = read_reduced(path, max_pixels, fit)
    size = target_size(whole.height, whole.width, params)
    return Photo(image_id, resize_image(image, size), size, (whole.height, whole.width))


def prepare_ingested(photos: Path, image: dict[str, Any], params: DetectorParams) -> Photo:
    """Read one of the ingested photos, whose size is known; see `prepare_photo`."""
    most = image["width"] * image["height"]
    return prepare_photo(locate_photo(photos, image), image["id"], params, most)


def count_readers() -> int:
    """Choose how many threads prepare photos: decoding is what a GPU waits for."""
    return min(_MOST_READERS, count_threads())


def predict_photos(
    detector: LoadedDetector, images: Iterable[tuple[int, Any]], batch_size: int, precision: str = "auto"
) -> Iterator[list[dict[str, Any]]]:
    """Find the objects on photos.

    Args:
        detector: The detector, on the device that computes.
        images: Id and photo (RGB, uint8, H x W x 3; an array or a tensor), taken as they are needed.
        batch_size: Photos a step.
        precision: `fp32`, `bf16`, or `auto`.

    Yields:
        For each photo, in order, what was found in COCO's results format, best first.
    """
    arrays = ((image_id, np.asarray(image)) for image_id, image in images)
    shapes = ((image_id, image, (image.shape[0], image.shape[1])) for image_id, image in arrays)
    photos = (Photo(number, image, target_size(*shape, detector.params), shape) for number, image, shape in shapes)
    yield from predict_prepared(detector, photos, batch_size, precision)


def predict_prepared(
    detector: LoadedDetector, photos: Iterable[Photo], batch_size: int, precision: str
) -> Generator[list[dict[str, Any]]]:
    """Find the objects on photos that may have been scaled down already; see `predict_photos`.

    What is found on a photo does not depend on the others: only photos of equal size share a batch, unpadded.
    """
    detector.model.eval()
    found = _detect_all(detector, iter(photos), batch_size, precision)
    # Writing down what was found on some photos while the network looks at the next.
    with closing(threaded_map(describe_detections, found, _DESCRIBING_THREADS, batch_size * LOOK_AHEAD)) as described:
        yield from described


class _Part(NamedTuple):
    """Photos of a window that share a step.

    Attributes:
        window: Number of the window.
        places: Of each photo in it.
        photos: All of the size that the detector sees them in.
    """

    window: int
    places: list[int]
    photos: list[Photo]


def _detect_all(detector: LoadedDetector, photos: Iterator[Photo], batch_size: int, precision: str) -> Iterator[_Found]:
    def detect(part: _Part) -> tuple[_Part, list[dict[str, Tensor]]]:
        return part, _predict_batch(detector, part.photos, precision)

    with closing(_map_lanes(detect, _divide(photos, batch_size), next(detector.model.parameters()).device)) as done:
        for _, parts in itertools.groupby(done, lambda part_and_found: part_and_found[0].window):
            found: dict[int, _Found] = {}
            for part, results in parts:
                found |= dict(zip(part.places, zip(part.photos, results, strict=True), strict=True))
            yield from (found[place] for place in range(len(found)))


def _divide(photos: Iterator[Photo], batch_size: int) -> Iterator[_Part]:
    windows = iter(lambda: list(itertools.islice(photos, batch_size * LOOK_AHEAD)), [])
    for number, window in enumerate(windows):
        alike: dict[tuple[int, int], list[int]] = defaultdict(list)
        for place, photo in enumerate(window):
            alike[photo.size].append(place)
        for places in alike.values():
            for start in range(0, len(places), batch_size):
                part = places[start : start + batch_size]
                yield _Part(number, part, [window[place] for place in part])


def _map_lanes(detect: Callable[[_Part], Result], parts: Iterator[_Part], device: torch.device) -> Generator[Result]:
    """Look at several parts at once on a processor: small ones do not keep several threads busy one by one.

    What is found is the same: no two photos meet. Parts so large that memory could run out come one by one.
    """
    first = next(parts, None)
    if first is None:
        return
    parts = itertools.chain([first], parts)
    height, width = first.photos[0].size
    threads = torch.get_num_threads() if device.type == "cpu" else 1
    lanes = max(1, min(threads, _LANES_PIXELS // (len(first.photos) * height * width)))
    if lanes == 1:
        yield from map(detect, parts)
        return
    torch.set_num_threads(threads // lanes)
    try:
        with closing(threaded_map(detect, parts, lanes, lanes + 1)) as found:
            yield from found
    finally:
        torch.set_num_threads(threads)


@torch.inference_mode()
def _predict_batch(detector: LoadedDetector, photos: list[Photo], precision: str) -> list[dict[str, Tensor]]:
    """Give torchvision's detections on photos of one size, as the detector sees them."""
    model, size = detector.model, photos[0].size
    device = next(model.parameters()).device
    stacked = stack_images([resize_image(photo.image, size) for photo in photos], size).to(device)
    images = normalise_images(model, stacked)
    with autocast(device, choose_dtype(precision, device)):
        found = _detect(model, images, size)
        if not detector.params.flip_test:
            return found
        mirrored = _detect(model, images.flip(-1), size)
    return [fuse_mirrored(*views, size[1], detector.params) for views in zip(found, mirrored, strict=True)]


def _detect(model: Any, images: Tensor, size: tuple[int, int]) -> list[dict[str, Tensor]]:
    features = model.backbone(images)
    sizes = [size] * len(images)
    proposals, _ = model.rpn(ImageList(images, sizes), features)
    detections: list[dict[str, Tensor]] = model.roi_heads(features, proposals, sizes)[0]
    return detections


def describe_detections(photo_and_found: _Found) -> list[dict[str, Any]]:
    """Write what was found on a photo as the detector sees it as COCO results on the original.

    Args:
        photo_and_found: The photo, and torchvision's `boxes`, `labels`, `scores` and, if any, `masks` (N x 1 x M x M).
    """
    photo, found = photo_and_found
    height, width = photo.whole
    scale = np.array([width / photo.size[1], height / photo.size[0]] * 2)
    boxes = found["boxes"].double().cpu().numpy() * scale
    labels, scores = found["labels"].tolist(), found["scores"].tolist()
    sides = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).round(2).tolist()
    results: list[dict[str, Any]] = [
        {"image_id": photo.image_id, "category_id": label, "bbox": box, "score": round(score, 5)}
        for label, box, score in zip(labels, sides, scores, strict=True)
    ]
    if "masks" in found:
        masks = found["masks"][:, 0].float().cpu().numpy()
        for result, runs in zip(results, encode_masks(masks, boxes, height, width), strict=True):
            result["segmentation"] = runs
    return results


def encode_masks(
    masks: NDArray[np.float32], boxes: NDArray[np.float64], height: int, width: int
) -> list[dict[str, Any]]:
    """Put masks into their boxes on the photo (as torchvision does), and write them as run lengths.

    Args:
        masks: N x M x M, probabilities.
        boxes: N x 4, left, top, right, bottom on the photo.
        height: Of the photo.
        width: Of the photo.
    """
    # Framed, so that the border of a mask is interpolated too; lying on its side, as run lengths go down columns.
    framed = np.pad(masks.transpose(0, 2, 1), ((0, 0), (1, 1), (1, 1)))
    return [
        encode_crop(_paste(mask, box, height, width), height, width) for mask, box in zip(framed, boxes, strict=True)
    ]


def _paste(framed: NDArray[np.float32], box: NDArray[np.float64], height: int, width: int) -> MaskCrop:
    """Scale a framed mask that lies on its side to its box, and cut it at the edges of the photo."""
    grown = _grow(box, len(framed) / (len(framed) - 2))
    left, top, right, bottom = (int(value) for value in grown)
    across, down = max(right - left + 1, 1), max(bottom - top + 1, 1)
    pasted = (cv2.resize(framed, (down, across), interpolation=cv2.INTER_LINEAR) > _HALF).T
    x, y, x_end, y_end = max(left, 0), max(top, 0), min(right + 1, width), min(bottom + 1, height)
    return MaskCrop(pasted[y - top : y_end - top, x - left : x_end - left].view(np.uint8), (x, y))


def _grow(box: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * factor
    return np.concatenate([centre - half, centre + half])
