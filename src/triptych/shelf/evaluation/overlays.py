"""Draw detections on photos: what was found, what falsely, what was missed.

The three colours are told apart by the colour-blind (IBM's palette, of three lightnesses), and what was missed is
dashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from triptych.shelf.data.dataset import decode_mask
from triptych.shelf.evaluation.counts import match_photo

FOUND, FALSE, MISSED, LABELLED = "found", "false", "missed", "labelled"
SUSPICIOUS = "suspicious"
COLOURS = {FOUND: (100, 143, 255), FALSE: (220, 38, 127), MISSED: (255, 176, 0)}
_PAINT = {**COLOURS, LABELLED: (120, 94, 240), SUSPICIOUS: (254, 97, 0)}
# Of text on the colour.
_INK = {kind: (255, 255, 255) if kind in (FALSE, LABELLED) else (0, 0, 0) for kind in _PAINT}
_PAPER, _TEXT, _MUTED = (255, 255, 255), (30, 36, 44), (105, 115, 125)
_FILL = 0.35  # share of the colour within a mask

Picture = NDArray[np.uint8]


class Mark(NamedTuple):
    """A shape to draw.

    Attributes:
        kind: `found`, `false` or `missed`; `labelled` or `suspicious` where nothing is judged.
        item: An annotation or a detection, in COCO's format.
        text: Written above it; may be empty.
    """

    kind: str
    item: dict[str, Any]
    text: str


def mark_photo(
    objects: list[dict[str, Any]], detections: list[dict[str, Any]], iou: float, names: dict[int, str]
) -> list[Mark]:
    """Tell apart what was found, what falsely, what was missed on a photo.

    Args:
        objects: Its annotations.
        detections: Those that are believed.
        iou: Least overlap of the boxes of a detection and the object it finds.
        names: Of the categories; written only where there are several.

    Returns:
        Found first, missed last, as they should be drawn; detections in a crowd are left out.
    """
    match = match_photo(objects, detections, iou)
    marks = [
        Mark(FOUND if match.found[index] >= 0 else FALSE, item, _label(item, names))
        for index, item in enumerate(detections)
        if not match.ignored[index]
    ]
    marks.sort(key=lambda mark: (mark.kind == FALSE, mark.item["score"]))
    missed = [item for item, is_missed in zip(objects, match.missed, strict=True) if is_missed]
    return marks + [Mark(MISSED, item, names[item["category_id"]] if len(names) > 1 else "") for item in missed]


def mark_detections(detections: Iterable[dict[str, Any]], names: dict[int, str]) -> list[Mark]:
    """Take every detection as found, where nobody knows the truth."""
    return [Mark(FOUND, item, _label(item, names)) for item in sorted(detections, key=lambda item: item["score"])]


def draw_overlay(
    photo: Picture, marks: Sequence[Mark], name: str, side_px: int = 1024, kinds: Sequence[str] = tuple(COLOURS)
) -> Picture:
    """Draw shapes on a photo, with a legend below it that counts them.

    Args:
        photo: RGB, height x width x 3.
        marks: What to draw, in this order.
        name: Of the photo, for the legend.
        side_px: Length of the photo's longer side in the picture.
        kinds: What the legend names.

    Returns:
        RGB; as wide as the enlarged photo.
    """
    scale = side_px / max(photo.shape[:2])
    width, height = (max(round(length * scale), 1) for length in (photo.shape[1], photo.shape[0]))
    smooth = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    picture = np.ascontiguousarray(cv2.resize(photo, (width, height), interpolation=smooth), np.uint8)
    line = max(round(side_px / 400), 2)
    # All masks before any line, as they would tint it.
    outlines = [_tint_mask(picture, mark, scale) or [_corners(mark, scale)] for mark in marks]
    for mark, shape in zip(marks, outlines, strict=True):
        _draw_lines(picture, mark.kind, shape, line)
    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    font = _load_font(max(side_px // 60, 11))
    for mark in marks:
        if mark.text:
            _write_label(pen, mark, scale, line, font)
    legend = _draw_legend(width, side_px, name, {kind: sum(mark.kind == kind for mark in marks) for kind in kinds})
    return np.vstack([np.asarray(image), legend])


def arrange(pictures: Sequence[Picture], columns: int = 3, gap_px: int = 16) -> Picture:
    """Arrange pictures in rows on white.

    Args:
        pictures: RGB, of any sizes; each gets a cell as wide as the widest of all and as high as its row.
        columns: Pictures a row.
        gap_px: White between them.

    Returns:
        RGB; one white pixel where there are no pictures.
    """
    if not pictures:
        return np.full((1, 1, 3), 255, np.uint8)
    columns = min(columns, len(pictures))
    wide = max(picture.shape[1] for picture in pictures) + gap_px
    rows = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    highs = [max(picture.shape[0] for picture in row) + gap_px for row in rows]
    sheet = np.full((sum(highs) + gap_px, columns * wide + gap_px, 3), 255, np.uint8)
    top = gap_px
    for row, high in zip(rows, highs, strict=True):
        for column, picture in enumerate(row):
            left = gap_px + column * wide + (wide - gap_px - picture.shape[1]) // 2
            sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        top += high
    return sheet


def _label(item: dict[str, Any], names: dict[int, str]) -> str:
    score = f"{item['score']:.2f}"
    return f"{names[item['category_id']]} {score}" if len(names) > 1 else score


def _tint_mask(picture: Picture, mark: Mark, scale: float) -> list[NDArray[np.int32]]:
    """Tint the mask, and find its outlines; none where there is no mask, or an empty one."""
    if not mark.item.get("segmentation"):
        return []
    height, width = picture.shape[:2]
    small = decode_mask(mark.item["segmentation"], round(height / scale), round(width / scale)).astype(np.float32)
    inside = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5
    tinted = picture[inside] * (1 - _FILL) + np.array(_PAINT[mark.kind]) * _FILL
    picture[inside] = tinted.round().astype(np.uint8)
    outlines, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [outline.reshape(-1, 2).astype(np.int32) for outline in outlines]


def _draw_lines(picture: Picture, kind: str, outlines: Sequence[NDArray[np.int32]], line: int) -> None:
    """Draw outlines, edged with black so that they stand out on any photo."""
    for colour, width in (((0, 0, 0), line + 2), (_PAINT[kind], line)):
        for outline in outlines:
            if kind == MISSED:
                _draw_dashes(picture, outline, colour, width, 6 * line + 2)
            else:
                cv2.polylines(picture, [outline], True, colour, width, cv2.LINE_AA)


def _corners(mark: Mark, scale: float) -> NDArray[np.int32]:
    left, top, width, height = (value * scale for value in mark.item["bbox"])
    right, bottom = left + width - 1, top + height - 1
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)]).round().astype(np.int32)


def _draw_dashes(picture: Picture, outline: NDArray[np.int32], colour: Any, width: int, dash: int) -> None:
    """Draw a closed line in dashes, and gaps a little longer, as the round ends of wide lines reach into them."""
    closed = np.vstack([outline, outline[:1]]).astype(np.float64)
    along = np.concatenate([[0], np.hypot(*np.diff(closed, axis=0).T).cumsum()])
    steps = np.arange(0, along[-1] + 1)
    points = np.stack([np.interp(steps, along, closed[:, axis]) for axis in (0, 1)], axis=1).round().astype(np.int32)
    for start in range(0, len(points), 2 * dash + 2):
        cv2.polylines(picture, [points[start : start + dash]], False, colour, width, cv2.LINE_AA)


def _load_font(size: int) -> ImageFont.FreeTypeFont:
    """Load the font that comes with Pillow."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # noqa: S101 - it is with a size
    return font


def _write_label(pen: ImageDraw.ImageDraw, mark: Mark, scale: float, line: int, font: ImageFont.FreeTypeFont) -> None:
    left, top = mark.item["bbox"][0] * scale - line, mark.item["bbox"][1] * scale - line
    wide, high = pen.textlength(mark.text, font) + 2 * line + 2, font.size + line
    left = min(max(left, 0), pen.im.size[0] - wide)
    top = max(top - high, 0)
    pen.rectangle((left, top, left + wide, top + high), fill=_PAINT[mark.kind])
    pen.text((left + wide / 2, top + high / 2), mark.text, fill=_INK[mark.kind], font=font, anchor="mm")


def _draw_legend(width: int, side_px: int, name: str, counts: dict[str, int]) -> Picture:
    """Draw a strip with a swatch and a count for each kind, then the photo's name as far as it fits."""
    font = _load_font(max(side_px // 50, 12))
    high = round(font.size * 2)
    image = Image.new("RGB", (width, high), _PAPER)
    pen = ImageDraw.Draw(image)
    left = font.size * 0.5
    for kind, count in counts.items():
        swatch = (left, high * 0.3, left + high * 0.4, high * 0.7)
        pen.rectangle(swatch, fill=_PAINT[kind])
        text = f"{count} {kind}"
        pen.text((left + high * 0.55, high / 2), text, fill=_TEXT, font=font, anchor="lm")
        left += high * 0.55 + pen.textlength(text, font) + font.size
    room = width - left - font.size * 0.5
    pen.text((width - font.size * 0.5, high / 2), _shorten(pen, name, font, room), fill=_MUTED, font=font, anchor="rm")
    return np.asarray(image)


def _shorten(pen: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    if pen.textlength(text, font) <= room:
        return text
    kept = next((count for count in range(len(text), 2, -1) if pen.textlength("…" + text[-count:], font) <= room), 0)
    return "…" + text[-kept:] if kept else ""
