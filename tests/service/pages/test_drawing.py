"""Photos are shown upright, and masks traced where they are."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools.mask import encode

from triptych.service.pages.drawing import draw_photo
from triptych.shelf.data.photo_files import PhotoError


def save(image: Image.Image, encoding: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, encoding, **options)
    return file.getvalue()


def make_row(mask: np.ndarray[Any, Any] | None, box: tuple[int, int, int, int]) -> dict[str, Any]:
    text = ""
    if mask is not None:
        run_lengths = encode(np.asfortranarray(mask.astype(np.uint8)))
        text = json.dumps({"size": list(mask.shape), "counts": run_lengths["counts"].decode()})
    return {"category": "gap", "score": 0.5, "mask": text, **dict(zip(("x", "y", "width", "height"), box, strict=True))}


def read_points(path: str) -> list[set[tuple[int, int]]]:
    lines = [re.findall(r"(\d+) (\d+)", line) for line in path.split("z")[:-1]]
    return [{(int(x), int(y)) for x, y in line} for line in lines]


def test_a_mask_with_a_hole_is_traced_by_its_corners() -> None:
    mask = np.zeros((300, 400))
    mask[100:200, 50:250] = 1
    mask[120:180, 100:200] = 0
    drawing = draw_photo(save(Image.new("RGB", (400, 300)), "PNG"), [make_row(mask, (50, 100, 200, 100))])
    outer, hole = read_points(drawing.outlines[0].path)
    assert outer == {(50, 100), (249, 100), (249, 199), (50, 199)}
    xs, ys = zip(*hole, strict=True)
    assert (min(xs), max(xs), min(ys), max(ys)) == (99, 200, 119, 180)


def test_without_a_mask_the_box_is_drawn() -> None:
    drawing = draw_photo(save(Image.new("RGB", (40, 30)), "PNG"), [make_row(None, (5, 6, 7, 8))])
    assert drawing.outlines[0].path == "M5 6h7v8h-7z"


@pytest.mark.parametrize("encoding", ["JPEG", "TIFF", "WEBP"])
def test_a_turned_photo_is_shown_upright_whatever_its_format(encoding: str) -> None:
    exif = Image.Exif()
    exif[274] = 6
    image = Image.new("RGB", (2000, 1000))
    image.paste((255, 255, 255), (0, 0, 1000, 1000))  # the left half: upright it is the upper
    drawing = draw_photo(save(image, encoding, exif=exif), [])
    assert (drawing.width, drawing.height) == (1000, 2000)
    shown = Image.open(io.BytesIO(base64.b64decode(drawing.picture.partition(",")[2])))
    assert shown.size == (800, 1600)
    assert shown.getpixel((400, 100)) == (255, 255, 255)
    assert shown.getpixel((400, 1500)) == (0, 0, 0)


def test_what_is_no_photo_is_refused() -> None:
    with pytest.raises(PhotoError):
        draw_photo(b"no photo", [])
