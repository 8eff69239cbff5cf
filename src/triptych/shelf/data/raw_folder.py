"""The folder that a user brings: what is in it, and which photo a name in an annotation means.

Names in annotations are looked up among the files found, and never opened as paths, so no name reaches a file outside
the folder; links that lead out of it are not followed.
"""

from __future__ import annotations

import itertools
import os
import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from triptych.shelf.data.photo_files import PHOTO_SUFFIXES
from triptych.shelf.data.quarantine import Quarantine

_MASK_FOLDERS = frozenset({"segmentationclass", "segmentationobject"})  # of Pascal VOC: pictures, but no photos
_IGNORED_FOLDERS = frozenset({"__macosx"})
_TEXT_SUFFIXES = (".txt", ".yaml", ".yml")
_ANNOTATION_SUFFIXES = frozenset({".xml", ".json", ".txt"})
SPLITS = {
    **dict.fromkeys(("train", "training", "train2017"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "val2017"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Roles by the names that folders of photos commonly have, in lower case."""
# Where photos lie, seen from the annotation file.
_PLACES = ("", "images", "JPEGImages", "..", "../images", "../JPEGImages")


@dataclass
class RawFiles:
    """Files of a raw folder by their kind, as sorted paths relative to it."""

    folder: Path
    photos: list[str] = field(default_factory=list)
    xml: list[str] = field(default_factory=list)
    json: list[str] = field(default_factory=list)
    jsonl: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """Text and YAML: YOLO's labels, names of its classes, and whatever else lies there."""
    elsewhere: dict[str, Path] = field(default_factory=dict)
    """Where photos are that annotation files hold, by the path of that file."""

    def locate(self, photo: str) -> Path:
        """Give the path of a photo."""
        return self.elsewhere.get(photo, self.folder / photo)


def find_files(folder: Path, quarantine: Quarantine) -> RawFiles:
    """Find photos (by their suffix) and what may be annotations in a folder and those below it.

    Hidden files and folders, and the mask folders of Pascal VOC are passed over. Links that lead out of the folder,
    links to folders and whatever is no regular file go to the quarantine.
    """
    files = RawFiles(folder)
    kinds = {".xml": files.xml, ".json": files.json, ".jsonl": files.jsonl}
    kinds |= {**dict.fromkeys(_TEXT_SUFFIXES, files.texts), **dict.fromkeys(PHOTO_SUFFIXES, files.photos)}
    root = folder.resolve()
    for path in _walk(folder, quarantine):
        relative = path.relative_to(folder).as_posix()
        kind = kinds.get(path.suffix.lower())
        if kind is None:
            continue
        if reason := _find_danger(path, root):
            quarantine.add(relative, "unsafe_file", reason)
        else:
            kind.append(relative)
    for kind in (files.photos, files.xml, files.json, files.jsonl, files.texts):
        kind.sort()
    return files


def _walk(folder: Path, quarantine: Quarantine) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        for name in folders:
            if (Path(place) / name).is_symlink():
                relative = (Path(place) / name).relative_to(folder).as_posix()
                quarantine.add(relative, "unsafe_file", "a link to a folder is not followed: put its files here")
        folders[:] = sorted(name for name in folders if not _is_passed_over(name))
        yield from (Path(place) / name for name in sorted(names) if not name.startswith("."))


def _find_danger(path: Path, root: Path) -> str:
    """Say why a file must not be opened; nothing where it may be."""
    try:
        if not path.resolve().is_relative_to(root):
            return "a link that leads out of the folder is not followed"
        # A pipe would block.
        return "" if path.is_file() else "neither a file nor a link to one"
    except (OSError, RuntimeError) as error:  # links in a circle
        return f"cannot be looked at: {error}"


def _is_passed_over(folder: str) -> bool:
    return folder.startswith(".") or folder.lower() in _MASK_FOLDERS | _IGNORED_FOLDERS


@dataclass(frozen=True)
class Match:
    """Which photo a name means.

    Attributes:
        photo: The photo; None where there is none, or where several fit.
        candidates: All that fit.
        note: How the photo's name differs from what was asked for; empty where it does not.
    """

    photo: str | None
    candidates: tuple[str, ...] = ()
    note: str = ""


class PhotoNames:
    """Photos of a folder by name.

    Args:
        photos: Their paths relative to the folder.
    """

    def __init__(self, photos: Iterable[str]) -> None:
        self._paths: dict[str, str] = {}
        self._names: dict[str, list[str]] = defaultdict(list)
        self._stems: dict[str, list[str]] = defaultdict(list)
        for photo in photos:
            self._paths[normalise(photo)] = photo
            self._names[normalise(PurePosixPath(photo).name)].append(photo)
            self._stems[stem_of(photo)].append(photo)

    def find(self, name: str, annotation: str) -> Match:
        """Find the photo that an annotation file names.

        First the path as it is given, from the annotation file or the usual folders beside it; then a photo of that
        name anywhere; then one whose name differs in its suffix or in upper and lower case only. Of several the one
        counts whose folders are most like those that are named, or like those of the annotation file.

        Args:
            name: As annotated; any slashes.
            annotation: Path of the annotation file relative to the folder.
        """
        named = normalise(name)
        for place in _PLACES:
            path = posixpath.normpath(posixpath.join(posixpath.dirname(annotation), place, named.lstrip("/")))
            if path in self._paths:
                return Match(self._paths[path], (self._paths[path],))
        if found := self._names.get(posixpath.basename(named)):
            return _choose(_narrow(found, named, annotation), "in another folder" if "/" in named else "")
        found = self._stems.get(stem_of(named), [])
        return _choose(_narrow(found, named, annotation), "by its name without suffix")

    def find_end(self, path: str) -> Match:
        """Find the photo whose path is the end of another, as long as possible; its name may be percent-encoded."""
        for named in (normalise(path), normalise(unquote(path))):
            parts = named.split("/")
            for start in range(len(parts)):
                if photo := self._paths.get("/".join(parts[start:])):
                    return Match(photo, (photo,))
        return self.find(posixpath.basename(normalise(unquote(path))), "")

    def find_stem(self, annotation: str, place: str = "") -> Match:
        """Find the photo with the name of an annotation file, whatever its suffix.

        Args:
            annotation: Path of the annotation file relative to the folder.
            place: Folder in which its photo is looked for before all others.
        """
        stem = stem_of(annotation)
        found = self._stems.get(stem, [])
        if nearest := [photo for photo in found if place and (posixpath.dirname(photo) or ".") == place]:
            return _choose(nearest, "")
        places = {posixpath.normpath(posixpath.join(posixpath.dirname(annotation), place)) for place in _PLACES}
        near = [photo for photo in found if (posixpath.dirname(photo) or ".") in places]
        return _choose(_narrow(near or found, "", annotation), "")


def normalise(name: str) -> str:
    """Write a name as the others are: forward slashes, composed letters (macOS decomposes them)."""
    return unicodedata.normalize("NFC", name.strip().replace("\\", "/"))


def stem_of(name: str) -> str:
    """Return a name without folders and without the suffix of a photo or annotation, in lower case."""
    path = PurePosixPath(normalise(name))
    known = path.suffix.lower() in PHOTO_SUFFIXES | _ANNOTATION_SUFFIXES
    return (path.stem if known else path.name).lower()


def split_of(photo: str) -> str:
    """Tell a photo's role from the folders that it is in: `train`, `validation`, `test`, or nothing."""
    named = [SPLITS[part.lower()] for part in PurePosixPath(photo).parts[:-1] if part.lower() in SPLITS]
    return named[-1] if named else ""


def _narrow(found: list[str], named: str, annotation: str) -> list[str]:
    """Of several photos of a name, as 0001.jpg is one in every split, take those whose folders fit best.

    Args:
        found: The photos.
        named: The path that the annotation gives; may be of another machine.
        annotation: Path of the annotation file: `labels/train/0001.json` goes with `photos/train/0001.jpg`, and so does
            `instances_train.json`.
    """
    folders, role = _folders(annotation), split_of(annotation) or _split_named(annotation)

    def shares_end(photo: str) -> int:
        pairs = zip(reversed(_folders(photo)), reversed(_folders(named)), strict=False)
        return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))

    def is_parallel(photo: str) -> int:
        own = _folders(photo)
        return len(own) == len(folders) > 1 and sum(map(str.__ne__, own, folders)) == 1

    def is_of_role(photo: str) -> int:
        return bool(role) and split_of(photo) == role

    fits: tuple[Callable[[str], int], ...] = (shares_end, is_parallel, is_of_role)
    for fit in fits:
        if len(found) > 1:
            best = max(map(fit, found))
            found = [photo for photo in found if fit(photo) == best]
    return found


def _folders(path: str) -> list[str]:
    return [part.lower() for part in normalise(path).split("/")[:-1]]


def _split_named(annotation: str) -> str:
    """Tell the role of photos from the words in the name of the file that lists them; nothing where two are named."""
    words = re.split(r"[^a-z0-9]+", stem_of(annotation))
    roles = {SPLITS[word] for word in words if word in SPLITS}
    return roles.pop() if len(roles) == 1 else ""


def _choose(found: list[str], note: str) -> Match:
    if len(found) != 1:
        return Match(None, tuple(found))
    return Match(found[0], tuple(found), f"found {note}" if note else "")
