"""Pictures for the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Frame = NDArray[np.uint8]
SHEET_VIDEOS = 50
"""Videos on a contact sheet at most: of hundreds it would take a gigabyte, and browsers draw 65,535 rows."""
_CELL = (320, 180)  # width and height of a picture on the sheet
_COLUMNS = 4
_TEXT_PX = 26
_MARGIN = 8
_PAPER = 250


def save_png(path: Path, picture: Frame) -> None:
    """Write RGB pixels as a PNG file, quickly: painted frames hardly become smaller with more effort."""
    Image.fromarray(picture).save(path, format="PNG", compress_level=1)


def shrink(frame: Frame) -> Frame:
    """Scale a frame to the size that it has on the sheet."""
    height, width = frame.shape[:2]
    scale = min(_CELL[0] / width, _CELL[1] / height)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return frame if size == (width, height) else np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))


def draw_contact_sheet(videos: Sequence[tuple[str, Sequence[Frame], Sequence[Frame]]]) -> Frame:
    """Draw frames of every video, the styled ones under those of the source; of many the first ones.

    Args:
        videos: Name, frames before and frames after (RGB, uint8) of each.

    Returns:
        RGB pixels; a small empty sheet if there is no video.
    """
    rows = [row for video in videos[:SHEET_VIDEOS] for row in _draw_video(*video)]
    if len(videos) > SHEET_VIDEOS:
        rows.append(_draw_title(f"and {len(videos) - SHEET_VIDEOS} more"))
    return np.concatenate(rows) if rows else _paper(_TEXT_PX)


def _draw_video(name: str, before: Sequence[Frame], after: Sequence[Frame]) -> list[Frame]:
    return [_draw_title(name), _draw_row(before), _draw_row(after), _paper(_MARGIN)]


def _draw_title(name: str) -> Frame:
    title = _paper(_TEXT_PX)
    # OpenCV's font knows ASCII only.
    text = name.encode("ascii", "replace").decode()
    cv2.putText(title, text, (_MARGIN, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
    return title


def _draw_row(frames: Sequence[Frame]) -> Frame:
    row = _paper(_CELL[1] + _MARGIN)
    for column, frame in enumerate(frames[:_COLUMNS]):
        small = shrink(frame)
        size = small.shape[1::-1]
        left = _MARGIN + column * (_CELL[0] + _MARGIN) + (_CELL[0] - size[0]) // 2
        top = (_CELL[1] - size[1]) // 2
        row[top : top + size[1], left : left + size[0]] = small
    return row


def _paper(height: int) -> Frame:
    return np.full((height, _MARGIN + _COLUMNS * (_CELL[0] + _MARGIN), 3), _PAPER, np.uint8)
