"""Ingest a raw folder, and look at what came of it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from triptych.shelf.data.ingest import ingest_folder
from triptych.shelf.data.photo_files import read_photo
from triptych.shelf.params import IngestParams
from triptych.shelf.schemas import Annotations

_runs = itertools.count()

Result = tuple[dict[str, Any], list[tuple[str, str, str]], dict[str, Any]]


def ingest(raw: Path, **params: Any) -> Result:
    target = raw.parent / f"photos_{next(_runs)}"
    annotations, quarantine, report = ingest_folder(raw, IngestParams(**{"workers": 1, **params}), target)
    Annotations.validate(annotations)
    written = {path.name for path in (target / "images").iterdir()}
    assert written == {image["file_name"] for image in annotations["images"]}
    for image in annotations["images"]:
        height, width, _ = read_photo(target / "images" / image["file_name"], 10**6).shape
        assert (image["width"], image["height"]) == (width, height)
    json.dumps([annotations, report])
    return annotations, list(quarantine.itertuples(index=False, name=None)), report


def boxes(annotations: dict[str, Any]) -> dict[str, list[list[float]]]:
    names = {image["id"]: image["file_name"] for image in annotations["images"]}
    found: dict[str, list[list[float]]] = {name: [] for name in names.values()}
    for item in annotations["annotations"]:
        found[names[item["image_id"]]].append(item["bbox"])
    return found


def kinds(rows: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    return [(file, kind) for file, kind, _ in rows]
