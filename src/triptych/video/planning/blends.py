"""Which styles a video is painted in, and what share each has in which frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from triptych.video.media.info import VideoInfo
from triptych.video.network.names import read_style_names
from triptych.video.params import StyleParams
from triptych.video.planning.grammar import Part, Stop, read_fade

__all__ = ["Blend", "choose_blend", "resolve"]


@dataclass(frozen=True)
class Blend:
    """Styles with their shares, the same in all frames or not.

    Attributes:
        files: Checkpoints, by name.
        names: Of the styles in each; one without a name is "".
        stops: When what is shown alone, and the share of each style of each file there; they add up to 1.
        timed: Whether stops are in seconds from the first frame; else they are shares of the video's length.
    """

    files: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    stops: tuple[tuple[float, tuple[float, ...]], ...]
    timed: bool = False

    def weigh(self, info: VideoInfo, pts: int) -> tuple[float, ...]:
        """Give the share of each style in a frame, by nothing but its time.

        Args:
            info: The video.
            pts: When the frame is shown.
        """
        if len(self.stops) == 1:
            return self.stops[0][1]
        length = info.pts[-1] - info.pts[0]
        place = pts - info.pts[0]
        at = float(place * info.time_base) if self.timed else place / length if length else 0.0
        places = [stop for stop, _ in self.stops]
        by_style = zip(*(shares for _, shares in self.stops), strict=True)
        return tuple(float(np.interp(at, places, shares)) for shares in by_style)

    def in_seconds(self, info: VideoInfo) -> Blend:
        """Give the same for a video, spread over its own length, with its stops in seconds."""
        if self.timed or len(self.stops) == 1:
            return self
        length = float((info.pts[-1] - info.pts[0]) * info.time_base)
        if not length:
            return replace(self, stops=self.stops[:1])
        return replace(self, stops=tuple((place * length, shares) for place, shares in self.stops), timed=True)

    def by_file(self, shares: Sequence[float]) -> list[tuple[float, ...]]:
        """Divide shares by the file that they are of."""
        ends = np.cumsum([len(names) for names in self.names])
        return [tuple(shares[end - len(names) : end]) for end, names in zip(ends, self.names, strict=True)]

    def describe(self) -> str:
        """Write it as people do."""
        labels = [
            f"{Path(file).stem}/{name}" if name else Path(file).stem
            for file, names in zip(self.files, self.names, strict=True)
            for name in names
        ]
        texts = []
        for place, shares in self.stops:
            shown = [(label, share) for label, share in zip(labels, shares, strict=True) if share > 0]
            text = shown[0][0] if len(shown) == 1 else "+".join(f"{label}:{share:.3g}" for label, share in shown)
            texts.append(f"{text}@{place:g}" if self.timed else text)
        return " > ".join(texts)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"files": self.files, "names": self.names, "stops": self.stops, "timed": self.timed}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Blend:
        """Undo `to_json`."""
        names = tuple(tuple(names) for names in values["names"])
        stops = tuple((float(place), tuple(map(float, shares))) for place, shares in values["stops"])
        return cls(tuple(values["files"]), names, stops, bool(values["timed"]))


def choose_blend(name: str, style: StyleParams, style_model: Path) -> Blend:
    """Find the style, the blend or the fade of a video.

    Args:
        name: Its path in the landing folder; the first pattern of `style` that fits it counts.
        style: Styles by pattern.
        style_model: The style of all others; styles are looked for beside it.

    Raises:
        ValueError: If the text cannot be read, or a style of it is not there.
    """
    wanted = next((text for pattern, text in style.styles.items() if fnmatch(name, pattern)), None)
    if wanted is None:  # its name may be anything
        return resolve([Stop((Part(style_model.stem, 1.0),))], style_model)
    return resolve(read_fade(wanted), style_model)


def resolve(stops: Sequence[Stop], style_model: Path) -> Blend:
    """Find the files of a style's stops.

    Raises:
        ValueError: If a style is not there, or a file has several and none is named.
    """
    files: dict[str, tuple[str, ...]] = {}
    found = [[(*_find_style(part.name, style_model, files), part.weight) for part in stop.parts] for stop in stops]
    timed = stops[0].second is not None
    last = max(1, len(stops) - 1)
    places = [number / last if stop.second is None else stop.second for number, stop in enumerate(stops)]
    shares = [_share_out(parts, files) for parts in found]
    names = tuple(each or ("",) for each in files.values())
    return Blend(tuple(files), names, tuple(zip(places, shares, strict=True)), timed)


def _share_out(parts: Sequence[tuple[str, str, float]], files: dict[str, tuple[str, ...]]) -> tuple[float, ...]:
    """Give each style of each file its share."""
    total = sum(weight for _, _, weight in parts)
    return tuple(
        sum(weight for of, style, weight in parts if (of, style) == (file, name)) / total
        for file, names in files.items()
        for name in names or ("",)
    )


def _find_style(name: str, style_model: Path, files: dict[str, tuple[str, ...]]) -> tuple[str, str]:
    """Give file and name of a style, and note which others the file has."""
    stem, slash, style = name.partition("/")
    file = style_model if stem == style_model.stem else style_model.with_name(f"{stem}.pth")
    if not file.is_file():
        there = ", ".join(sorted(path.stem for path in style_model.parent.glob("*.pth")))
        raise ValueError(f"video.style.styles: no style {stem!r} in {style_model.parent}, which has {there}")
    if file.name not in files:
        files[file.name] = read_style_names(file)
    names = files[file.name]
    if not slash and len(names) <= 1:
        return file.name, (names or ("",))[0]
    if style not in names:
        raise ValueError(f"video.style.styles: {name!r} is no style: {_list_names(file, names)}")
    return file.name, style


def _list_names(file: Path, names: Sequence[str]) -> str:
    if not names:
        return f"{file.name} has a single one, which is called {file.stem!r}"
    return f"{file.name} has {', '.join(f'{file.stem}/{name}' for name in names)}; name one of them"
