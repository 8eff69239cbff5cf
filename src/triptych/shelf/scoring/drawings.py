"""Pictures of what was found on scored photos; each is drawn once, and kept beside the photo's result."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from triptych.shelf.data.photo_files import PhotoError, read_photo
from triptych.shelf.evaluation.evaluation import name_file
from triptych.shelf.evaluation.overlays import FOUND, draw_overlay, mark_detections
from triptych.shelf.scoring.scored_photos import NewPhoto, ScoredPhotos

_FORMAT = 1
"""To be raised when pictures look otherwise: those of other formats are not found."""

_QUALITY = 90  # JPEG, as there may be thousands


class Drawings:
    """Draws photos into a folder, and takes from the store what was drawn before.

    Args:
        folder: For the pictures; each is named as its photo, `/` becoming `_`.
        store: Keeps them.
        max_pixels: Refuse larger photos.

    Attributes:
        left_out: Why photos could not be drawn, by name.
    """

    def __init__(self, folder: Path, store: ScoredPhotos, max_pixels: int) -> None:
        self._folder = folder
        self._store = store
        self._max_pixels = max_pixels
        self._taken: set[str] = set()
        self.left_out: dict[str, str] = {}

    def add(self, photo: NewPhoto, found: Sequence[dict[str, Any]], names: dict[int, str]) -> None:
        """Draw a photo, unless the very same has been drawn before; one that cannot be read any more is left out.

        Args:
            photo: The photo.
            found: The detections to show.
            names: Of the categories, by id.
        """
        target = self._folder / _free_name(name_file(photo.name), self._taken)
        key = _describe(photo, found, names)
        kept = self._store.find_drawing(photo.digest, key)
        if kept is None:
            try:
                pixels = read_photo(photo.path, self._max_pixels)
            except PhotoError as error:  # its results count all the same
                self.left_out[photo.name] = str(error)
                return
            picture = draw_overlay(pixels, mark_detections(found, names), photo.name, kinds=(FOUND,))
            with self._store.add_drawing(photo.digest, key) as part:
                Image.fromarray(picture).save(part, format="JPEG", quality=_QUALITY)
            kept = self._store.find_drawing(photo.digest, key)
        if kept is not None:
            shutil.copyfile(kept, target)  # no link: who edits one picture should not change the other


def _describe(photo: NewPhoto, found: Sequence[dict[str, Any]], names: dict[int, str]) -> str:
    """Hash the photo's name, which is in the legend, and all else that a picture shows."""
    shown = [{key: item.get(key) for key in ("category_id", "bbox", "score", "segmentation")} for item in found]
    text = json.dumps([_FORMAT, shown, sorted(names.items())], sort_keys=True)
    return ".".join(hashlib.sha256(part.encode()).hexdigest()[:16] for part in (photo.name, text))


def _free_name(stem: str, taken: set[str]) -> str:
    """Name a file as no other is, on file systems that do not tell upper from lower case either."""
    name, number = stem, 2
    while name.lower() in taken:
        name, number = f"{stem}-{number}", number + 1
    taken.add(name.lower())
    return f"{name}.jpg"
