"""The ingested photos of a role with their objects, as they are learned from and judged by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from triptych.shelf.data.photo_files import Size, read_photo, read_reduced


def decode_mask(segmentation: Any, height: int, width: int) -> NDArray[np.uint8]:
    """Draw a mask.

    Args:
        segmentation: A list of polygons (each x, y, x, y ... in pixels), or run lengths, compressed or as a list.
        height: Of the photo.
        width: Of the photo.

    Returns:
        1 where the object is, height x width.
    """
    if isinstance(segmentation, list):
        runs = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    elif isinstance(segmentation["counts"], list):
        runs = coco_mask.frPyObjects(segmentation, height, width)
    else:
        runs = segmentation
    return np.asarray(coco_mask.decode(runs), np.uint8)


@dataclass(frozen=True)
class PhotoSet:
    """Photos of one role with their objects.

    Attributes:
        folder: Where the photos are.
        images: Their entries in the annotations.
        objects: For each of them the annotations of its objects; crowds are no objects.
        labels: The label of each category id.
    """

    folder: Path
    images: list[dict[str, Any]]
    objects: list[list[dict[str, Any]]]
    labels: dict[int, int]

    @classmethod
    def select(cls, folder: Path, annotations: dict[str, Any], ids: Sequence[int]) -> PhotoSet:
        """Select photos.

        Args:
            folder: The photos (`images/<file_name>` in it).
            annotations: Of all photos, in COCO's format.
            ids: Of those to select.
        """
        wanted = set(ids)
        found: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for item in annotations["annotations"]:
            if item["image_id"] in wanted and not item.get("iscrowd", 0):
                found[item["image_id"]].append(item)
        images = sorted((image for image in annotations["images"] if image["id"] in wanted), key=lambda im: im["id"])
        categories = sorted(category["id"] for category in annotations["categories"])
        labels = {category: label for label, category in enumerate(categories, start=1)}
        return cls(folder, images, [found[image["id"]] for image in images], labels)

    def __len__(self) -> int:
        return len(self.images)

    def read_image(self, index: int, least: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """Read a photo.

        Args:
            index: Of the photo.
            least: Height and width that are enough; a JPEG may be decoded at a part of its size that is no smaller.

        Returns:
            RGB, H x W x 3.
        """
        return read_ingested(self.folder, self.images[index], least)


def select_photos(annotations: dict[str, Any], ids: Iterable[int]) -> dict[str, Any]:
    """Take some photos with their objects, and all categories."""
    wanted = set(ids)
    return {
        "images": [image for image in annotations["images"] if image["id"] in wanted],
        "annotations": [item for item in annotations["annotations"] if item["image_id"] in wanted],
        "categories": annotations["categories"],
    }


def select_role(annotations: dict[str, Any], roles: pd.DataFrame, *names: str) -> dict[str, Any]:
    """Take the photos of some roles with their objects."""
    return select_photos(annotations, roles.loc[roles["role"].isin(names), "image_id"].tolist())


def read_ingested(photos: Path, image: dict[str, Any], least: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Read one of the ingested photos.

    Args:
        photos: Their folder.
        image: Its entry in the annotations.
        least: Height and width that are enough; a JPEG may be decoded at a part of its size that is no smaller.

    Returns:
        RGB, height x width x 3.
    """
    path, most = locate_photo(photos, image), image["width"] * image["height"]
    if least is None:
        return read_photo(path, most)
    return read_reduced(path, most, lambda _: Size(least[1], least[0]))[0]


def locate_photo(photos: Path, image: dict[str, Any]) -> Path:
    """Give the path of one of the ingested photos."""
    return photos / "images" / str(image["file_name"])
