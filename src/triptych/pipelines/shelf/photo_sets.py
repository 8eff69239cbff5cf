"""The photos of one role with their objects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triptych.pipelines.shelf.judging import read_ingested


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

    def read_image(self, index: int) -> NDArray[np.uint8]:
        """Read a photo.

        Returns:
            RGB, H x W x 3.
        """
        return read_ingested(self.folder, self.images[index])
