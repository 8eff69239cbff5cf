"""Read YOLO labels: one text file a photo, a line an object.

Format: https://docs.ultralytics.com/datasets/detect/, /segment/ and /pose/. A line is the number of a class, then
either the box's centre, width and height, or the corners of an outline; all are shares of the photo's width and height,
as it is seen (Ultralytics applies Exif rotation). Names of classes and splits are in `data.yaml`; LabelImg writes
`classes.txt`. Where `data.yaml` has a `kpt_shape`, key points follow each box, which are passed over.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from triptych.shelf.data.formats.files import read_text
from triptych.shelf.data.quarantine import Quarantine, printable
from triptych.shelf.data.records import AnnotationError, PhotoRecord, RawObject, to_number

MAX_BYTES = 50_000_000
CLASSES_FILE = "classes.txt"
_MAX_YAML_BYTES = 1_000_000
_ROLES = {"train": "train", "val": "validation", "test": "test"}
_FARTHEST = 2.0  # a coordinate beyond that is no share of anything


@dataclass
class YoloClasses:
    """Names of classes, and which folder is of which split, as `data.yaml` and `classes.txt` say.

    Attributes:
        by_folder: Names by number, for each folder with such a file, "" being the raw folder.
        splits: Role (`train`, `validation`, `test`) and a folder or list of photos, as a path relative to the raw one.
        poses: Folders whose labels have key points behind each box.
    """

    by_folder: dict[str, dict[int, str]] = field(default_factory=dict)
    splits: list[tuple[str, str]] = field(default_factory=list)
    poses: set[str] = field(default_factory=set)

    def find(self, file: str) -> dict[int, str]:
        """Find the names for a label file: of the nearest folder above it, else of the only file there is.

        Raises:
            AnnotationError: If there is none, or several that may be meant.
        """
        return self.by_folder[self._find_folder(file)]

    def is_pose(self, file: str) -> bool:
        """Tell whether key points follow each box of a label file; raises what `find` does."""
        return self._find_folder(file) in self.poses

    def _find_folder(self, file: str) -> str:
        parents = [str(parent) for parent in PurePosixPath(file).parents]
        for parent in parents:
            if (folder := parent.removeprefix(".")) in self.by_folder:
                return folder
        first = next(iter(self.by_folder), None)
        if first is None:
            raise AnnotationError(
                "its classes have no names: put a data.yaml with `names:`, or a classes.txt with a name a line, "
                "into the folder"
            )
        said = self.by_folder[first], first in self.poses
        if any((names, folder in self.poses) != said for folder, names in self.by_folder.items()):
            raise AnnotationError("several data.yaml name classes, and none of them lies above it: put it there")
        return first


def read_classes(folder: Path, files: Iterable[str], quarantine: Quarantine) -> YoloClasses:
    """Read all `*.yaml` and `classes.txt`; other YAML files are passed over.

    Args:
        folder: The raw folder.
        files: Files relative to it.
        quarantine: Takes what cannot be read.
    """
    classes = YoloClasses()
    # Text first, so that data.yaml has the last word.
    for file in sorted(files, key=lambda file: not file.endswith(".txt")):
        place = posixpath.dirname(file)
        try:
            if posixpath.basename(file).lower() == CLASSES_FILE:
                lines = read_text(folder / file, _MAX_YAML_BYTES).splitlines()
                classes.by_folder[place] = {number: line.strip() for number, line in enumerate(lines) if line.strip()}
            elif file.lower().endswith((".yaml", ".yml")):
                _read_data_yaml(folder, file, classes)
        except AnnotationError as error:
            quarantine.add(file, "unreadable_annotation", str(error))
    return classes


def _read_data_yaml(folder: Path, file: str, classes: YoloClasses) -> None:
    try:
        content = yaml.safe_load(read_text(folder / file, _MAX_YAML_BYTES))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise AnnotationError(f"unreadable YAML: {printable(error)}") from error
    if not isinstance(content, dict) or "names" not in content:
        return
    place = posixpath.dirname(file)
    classes.by_folder[place] = _read_names(content["names"])
    if content.get("kpt_shape"):
        classes.poses.add(place)
    for key, role in _ROLES.items():
        entries = content.get(key)
        for entry in entries if isinstance(entries, list) else [entries]:
            if isinstance(entry, str) and entry.strip():
                classes.splits.append((role, posixpath.join(place, entry.strip().replace("\\", "/"))))


def _read_names(names: Any) -> dict[int, str]:
    pairs = names.items() if isinstance(names, dict) else enumerate(names) if isinstance(names, list) else ()
    found = {}
    for number, name in pairs:
        if isinstance(name, str | int | float) and str(number).isdecimal():
            found[int(number)] = str(name).strip()
    if not found:
        raise AnnotationError("its `names:` is neither a list nor a map of numbers to names")
    return found


def is_label_file(file: str, photos: frozenset[str]) -> bool:
    """Tell whether a text file is where labels lie: below a folder `labels`, or beside the photo of its name.

    Args:
        file: Path relative to the raw folder.
        photos: Photos without their suffixes, relative to the raw folder.
    """
    path = PurePosixPath(file)
    if path.suffix.lower() != ".txt" or path.name.lower() == CLASSES_FILE:
        return False
    return "labels" in (part.lower() for part in path.parts[:-1]) or str(path.with_suffix("")) in photos


def place_of_photos(file: str) -> str:
    """Give the folder of a label file's photo: the last `labels` in its path becomes `images`."""
    parts = list(PurePosixPath(file).parts[:-1])
    for index in range(len(parts) - 1, -1, -1):
        if parts[index].lower() == "labels":
            parts[index] = "images"
            break
    return "/".join(parts) or "."


def read_yolo(folder: Path, file: str, classes: YoloClasses) -> PhotoRecord:
    """Read a label file; an empty one is of a photo without objects.

    Args:
        folder: The raw folder.
        file: The label file, relative to it.
        classes: Names of the classes.

    Raises:
        AnnotationError: If it cannot be read, holds no labels, or its classes have no names.
    """
    lines = [line.split() for line in read_text(folder / file, MAX_BYTES).splitlines() if line.strip()]
    if lines and not any(len(line) >= 5 and math.isfinite(to_number(line[0])) for line in lines):
        raise AnnotationError("no YOLO labels: no line is a class and at least four numbers")
    names, is_pose = (classes.find(file), classes.is_pose(file)) if lines else ({}, False)
    objects = [_read_line(line[:5] if is_pose else line, names) for line in lines]
    return PhotoRecord(file, PurePosixPath(file).stem, None, objects, in_shares=True)


def _read_line(line: list[str], names: dict[int, str]) -> RawObject:
    number, *values = map(to_number, line)
    category = names.get(int(number), "") if math.isfinite(number) and number.is_integer() else ""
    if not category:
        return RawObject("", None, fault=f"class {printable(line[0], 20)}, which has no name")
    if not all(map(math.isfinite, values)):
        return RawObject(category, None, fault="label with a value that is no number")
    if any(abs(value) > _FARTHEST for value in values):
        return RawObject(category, None, fault="coordinates that are no shares of the photo's size (0 to 1)")
    if len(values) == 4:
        x, y, width, height = values
        return RawObject(category, (x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    if len(values) < 6 or len(values) % 2:
        return RawObject(category, None, fault=f"label with {len(values)} values: neither a box nor an outline")
    return RawObject(category, None, [values])


def list_splits(folder: Path, classes: YoloClasses, texts: frozenset[str]) -> Iterator[tuple[str, str, list[str]]]:
    """List what `data.yaml` divides.

    Args:
        folder: The raw folder.
        classes: What the files say.
        texts: Text files that may be opened, relative to the folder.

    Yields:
        Role; the folder of its photos, without what leads out of the raw one, or the file that lists them; what that
        lists.
    """
    for role, entry in classes.splits:
        path = "/".join(part for part in posixpath.normpath(entry).split("/") if part not in ("", ".", ".."))
        if not path.endswith(".txt"):
            yield role, path, []
        elif path in texts:
            try:
                yield role, path, [line.strip() for line in read_text(folder / path, MAX_BYTES).splitlines()]
            except AnnotationError:
                continue
