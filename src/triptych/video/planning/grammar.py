"""How styles are named: a style, a blend of several, a fade from one to the next over time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

__all__ = ["GRAMMAR", "Part", "Stop", "read_fade"]

GRAMMAR = (
    "NAME is a style, or FILE/NAME one of several in a file; NAME:0.7+NAME:0.3 a blend; NAME > NAME a fade over the "
    "whole video, NAME@2 > NAME@5 one from second 2 to second 5; blends fade too, and there may be more than two stops"
)


@dataclass(frozen=True)
class Part:
    """A style of a blend.

    Attributes:
        name: `NAME` or `FILE/NAME`.
        weight: Above 0.
    """

    name: str
    weight: float


@dataclass(frozen=True)
class Stop:
    """A blend, and when it is shown alone.

    Attributes:
        parts: Its styles.
        second: From the first frame of the video on; None where the fade is spread over the video.
    """

    parts: tuple[Part, ...]
    second: float | None = None


def read_fade(text: str) -> list[Stop]:
    """Read a style's text: one stop, or those of a fade.

    Raises:
        ValueError: If it cannot be read; the message names it and shows the grammar.
    """
    try:
        stops = [_read_stop(part) for part in text.split(">")]
        _check_times(stops)
    except ValueError as error:
        raise ValueError(f"video.style.styles: {text!r} cannot be read: {error}. {GRAMMAR}") from None
    return stops


def _check_times(stops: list[Stop]) -> None:
    seconds = [stop.second for stop in stops if stop.second is not None]
    if seconds and len(stops) == 1:
        raise ValueError("a second is given, but no style to fade to")
    if seconds and len(seconds) < len(stops):
        raise ValueError("either every stop has its second or none")
    if any(later <= earlier for earlier, later in pairwise(seconds)):
        raise ValueError("seconds must rise from stop to stop")


def _read_stop(text: str) -> Stop:
    blend, at, second = text.partition("@")
    parts = tuple(_read_part(part.strip()) for part in blend.split("+"))
    return Stop(parts, _read_number(second, text) if at else None)


def _read_part(text: str) -> Part:
    name, colon, weight = (part.strip() for part in text.partition(":"))
    if not name:
        raise ValueError("a name is missing")
    number = _read_number(weight, text) if colon else 1.0
    if number == 0:
        raise ValueError(f"weights must be above 0, got {text!r}")
    return Part(name, number)


def _read_number(text: str, whole: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text.strip()!r} in {whole.strip()!r} is no number") from None
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{text.strip()!r} in {whole.strip()!r} must be a number from 0 on")
    return number
