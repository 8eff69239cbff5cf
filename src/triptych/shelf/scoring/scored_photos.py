"""Results of scored photos on disk, each written at once, so that an interrupted scoring goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from triptych.storage import mirrors
from triptych.storage.local_files import hash_file, replace_file

_FORMAT = 1
"""To be raised when what is stored, or how it is computed, changes: results of other formats are not found."""

_LENGTH = 32  # hexadecimal digits, 128 bits
_KEYS = {"image_id", "category_id", "bbox", "score"}


class NewPhoto(NamedTuple):
    """A photo to score.

    Attributes:
        name: Its path within the folder.
        path: The file.
        digest: Hash of what it holds.
    """

    name: str
    path: Path
    digest: str


class Result(NamedTuple):
    """What a detector found on a photo.

    Attributes:
        width: Of the photo, in pixels.
        height: Of the photo, in pixels.
        detections: In COCO's results format; `image_id` means nothing.
    """

    width: int
    height: int
    detections: list[dict[str, Any]]

    @property
    def pixels(self) -> int:
        """Number of the photo's pixels."""
        return self.width * self.height


class ScoredPhotos:
    """A folder of results, found by what the photo's file and the model's files hold.

    Args:
        folder: Where they are kept.
        model: Folder of the model.

    Attributes:
        model: Hash of what the model's files hold.
    """

    def __init__(self, folder: Path, model: Path) -> None:
        digest = hashlib.sha256(f"{_FORMAT}".encode())
        for path in sorted(path for path in model.rglob("*") if path.is_file()):
            digest.update(path.relative_to(model).as_posix().encode() + hash_file(path).encode())
        self.model = digest.hexdigest()[:_LENGTH]
        self._folder = folder / self.model
        mirrors.pull(self._folder)  # at once, as there may be thousands

    def load(self, photo: str) -> Result | None:
        """Load the result of a photo.

        Args:
            photo: The photo's hash.

        Returns:
            The result; None where there is none, or it is damaged.
        """
        try:
            stored = json.loads(self._locate(photo).read_text(encoding="utf-8"))
            result = Result(int(stored["width"]), int(stored["height"]), stored["detections"])
            whole = stored["photo"] == photo and all(item.keys() >= _KEYS for item in result.detections)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return result if whole else None

    def save(self, photo: str, result: Result) -> None:
        """Write the result of a photo; it appears whole.

        Args:
            photo: The photo's hash.
            result: What was found on it.
        """
        path = self._locate(photo)
        with replace_file(path) as part:
            part.write_text(json.dumps({"photo": photo, **result._asdict()}), encoding="utf-8")
        mirrors.push(path)

    def find_drawing(self, photo: str, key: str) -> Path | None:
        """Find the picture of a photo.

        Args:
            photo: The photo's hash.
            key: Of the photo's name and of all else that it shows, with a dot between the two.
        """
        path = self._locate_drawing(photo, key)
        return path if path.is_file() else None

    @contextmanager
    def add_drawing(self, photo: str, key: str) -> Iterator[Path]:
        """Give a file to draw a photo's picture into; it appears whole, and in place of an earlier one of its name."""
        path = self._locate_drawing(photo, key)
        with replace_file(path) as part:
            yield part
        mirrors.push(path)
        for other in path.parent.glob(f"{photo}.{key.partition('.')[0]}.*.jpg"):
            if other != path:
                mirrors.drop(other)

    def _locate(self, photo: str) -> Path:
        return self._folder / photo[:2] / f"{photo}.json"

    def _locate_drawing(self, photo: str, key: str) -> Path:
        return self._folder / photo[:2] / f"{photo}.{key}.jpg"
