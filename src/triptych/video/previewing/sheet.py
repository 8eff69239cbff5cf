"""The sheet: of each video a still in every style, with captions."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_sheet", "fit"]

Picture = NDArray[np.uint8]
_WIDTH_PX = 1760  # about as much as a screen shows; a row has one picture at least
_TEXT_PX = 24
_MARGIN = 8
_PAPER = 250


def cell_size(height_px: int) -> tuple[int, int]:
    """Give height and width of a still on the sheet: 16 by 9, in which others are centred."""
    return height_px, round(height_px * 16 / 9)


def fit(picture: Picture, height_px: int) -> Picture:
    """Scale RGB (H, W, 3) so that it fits into a cell; what is smaller stays as it is."""
    height, width = cell_size(height_px)
    scale = min(1.0, height / picture.shape[0], width / picture.shape[1])
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def draw_sheet(videos: Sequence[tuple[str, Sequence[tuple[str, Picture]]]], height_px: int) -> Picture:
    """Draw the stills of all videos under each other.

    Args:
        videos: Of each its name, and its captions and stills (RGB, no larger than a cell); a text alone where it has
            no stills.
        height_px: Of a still.

    Returns:
        RGB pixels, (H, W, 3).
    """
    height, width = cell_size(height_px)
    columns = max(1, _WIDTH_PX // (width + _MARGIN))
    whole = _MARGIN + columns * (width + _MARGIN)
    rows = [_paper(_MARGIN, whole)]
    for name, stills in videos:
        rows.append(_write(name, whole, 0.6))
        parts = [stills[start : start + columns] for start in range(0, len(stills), columns)]
        rows += [_draw_row(part, (height, width), whole) for part in parts]
        rows.append(_paper(_MARGIN, whole))
    return np.concatenate(rows)


def _draw_row(stills: Sequence[tuple[str, Picture]], size: tuple[int, int], whole: int) -> Picture:
    row = _paper(size[0] + _TEXT_PX, whole)
    for column, (caption, picture) in enumerate(stills):
        left, (height, width) = _MARGIN + column * (size[1] + _MARGIN), picture.shape[:2]
        top, inset = (size[0] - height) // 2, left + (size[1] - width) // 2
        row[top : top + height, inset : inset + width] = picture
        row[size[0] :, left : left + size[1]] = _write(caption, size[1], 0.45, indent=0)
    return row


def _write(text: str, width: int, size: float, indent: int = _MARGIN) -> Picture:
    line = _paper(_TEXT_PX, width)
    # OpenCV's font knows ASCII only.
    shown = text.encode("ascii", "replace").decode()
    cv2.putText(line, shown, (indent, _TEXT_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, size, (40, 40, 40), 1, cv2.LINE_AA)
    return line


def _paper(height: int, width: int) -> Picture:
    return np.full((height, width, 3), _PAPER, np.uint8)
