"""What runs the network: which is chosen, by trying."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triptych.distributed import world_size
from triptych.openvino_models import has_openvino
from triptych.video.media.conversion import Conversion
from triptych.video.media.planes import Planes
from triptych.video.params import StyleParams
from triptych.video.runtimes.hardware import describe_machine, find_gpu
from triptych.video.runtimes.making import Styles, create_stylizer
from triptych.video.runtimes.stylizers import Stylizer

__all__ = ["Choice", "choose_runtime", "describe_machine"]

_logger = logging.getLogger(__name__)
_TRIED_PIXELS = 2**22  # of a larger frame, where tiles are not limited
_STEP = 4  # rows and columns that share a sample of chroma, at most
_COMPILE_S = 30.0  # what compiling takes on two cores when nothing of it is cached
_BEST_COMPILED = 5.0  # times eager's speed, as measured: 4.5 to 5
_USUAL = 0.999  # share of pixel values that must keep to the tolerance: at hard edges a few differ by more
_REPEAT_S = 3.0  # a candidate is run again until it took so long, five times at most


@dataclass(frozen=True)
class Choice:
    """The runtime that was chosen.

    Attributes:
        runtime: Its name.
        measured: For each candidate `ms_per_frame`, `setup_s`, and of its pixels' differences from eager float32
            `max_difference`, `usual_difference` (that of all but one in a thousand) and `mean_difference`; or
            `left_out`: the reason. Empty if there was nothing to choose.
    """

    runtime: str
    measured: dict[str, Any]


def choose_runtime(
    styles: Styles, frame: Planes, conversion: Conversion, frames_to_do: int, style: StyleParams
) -> Choice:
    """Choose what runs the network, by trying on a frame what there is.

    The one that will be done first wins, setting up included, among those whose pixels keep to `pixel_tolerance`.

    Args:
        styles: As of `create_stylizer`.
        frame: Planes of a frame of the video with most to do.
        conversion: From its planes to those of its result.
        frames_to_do: Frames of this size to be stylized, by all ranks together.
        style: The wish and its limits.
    """
    if style.runtime != "auto":
        return Choice(style.runtime, {})
    style = style.replace(max_tile_pixels=style.max_tile_pixels or _TRIED_PIXELS)
    part = _crop(frame, conversion, style.max_tile_pixels)
    trial = _Trial(styles, *part, max(1, frames_to_do // world_size()), style)
    for runtime, reason in (
        ("eager", ""),
        ("cuda", "" if find_gpu() else "no GPU"),
        ("openvino", "" if has_openvino() else "not installed"),
        ("compile", None),
    ):
        trial.measure(runtime, trial.refuse_compiling() if reason is None else reason)
    return trial.choose()


def _crop(frame: Planes, conversion: Conversion, most: int) -> tuple[Planes, Conversion]:
    """Take a part of a frame that needs no tiles: what runs one part fastest runs all."""
    source = conversion.source
    height, width = source.height, source.width
    while height * width > most:
        height, width = (height // 2, width) if height > width else (height, width // 2)
    if (height, width) == (source.height, source.width):
        return frame, conversion
    height, width = (max(_STEP, length // _STEP * _STEP) for length in (height, width))
    part = replace(
        conversion,
        source=replace(source, height=height, width=width),
        target=replace(conversion.target, height=height, width=width),
    )
    top, left = ((a - b) // 2 // _STEP * _STEP for a, b in ((source.height, height), (source.width, width)))
    y, u, v = (
        plane[top // down : top // down + rows, left // across : left // across + columns].copy()
        for plane, (rows, columns), down, across in zip(
            frame, part.source.shapes, (1, source.down, source.down), (1, source.across, source.across), strict=True
        )
    )
    return (y, u, v), part


class _Trial:
    """Tries runtimes on one frame, eager first."""

    def __init__(self, styles: Styles, frame: Planes, conversion: Conversion, frames: int, style: StyleParams) -> None:
        self._styles, self._frame, self._conversion = styles, frame, conversion
        self._frames, self._style = frames, style
        self._reference: NDArray[np.int16] | None = None
        self.measured: dict[str, Any] = {}

    def measure(self, runtime: str, reason: str) -> None:
        """Measure one, or note why it is left out."""
        if not reason:
            try:
                found = self._run(runtime)
            except (MemoryError, KeyboardInterrupt):
                raise
            except Exception as error:  # what a runtime raises that cannot run here is its own
                if runtime == "eager":  # then it is the style or the frame
                    raise
                reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
            else:
                if found["usual_difference"] > self._style.pixel_tolerance:
                    found["left_out"] = f"differs by more than {self._style.pixel_tolerance:g} of 255"
                self.measured[runtime] = found
                return
        self.measured[runtime] = {"left_out": reason}

    def _run(self, runtime: str) -> dict[str, Any]:
        style = self._style.replace(runtime=runtime)
        start = time.perf_counter()
        stylizer = create_stylizer(self._styles, self._conversion, style)
        frames = [self._frame] * stylizer.batch_size
        styled = np.concatenate([plane.astype(np.int16).ravel() for plane in stylizer.stylize(frames)[0]])
        setup = time.perf_counter() - start
        times = _time(stylizer, frames)
        if self._reference is None:
            self._reference = styled
        # Of 255, whatever the bits of a sample.
        difference = np.abs(styled - self._reference) / 2 ** (self._conversion.target.bits - 8)
        return {
            "ms_per_frame": round(1000 * min(times) / len(frames) / stylizer.lanes, 2),
            "setup_s": round(setup, 2),
            "max_difference": math.ceil(difference.max()),
            "usual_difference": float(np.quantile(difference, _USUAL)),
            "mean_difference": round(float(difference.mean()), 4),
        }

    def refuse_compiling(self) -> str:
        """Say why compiling is not even tried: it cannot win back the time it takes."""
        best = min(found["ms_per_frame"] for found in self._fitting().values())
        gain = self._frames * (best - self.measured["eager"]["ms_per_frame"] / _BEST_COMPILED) / 1000
        if gain >= _COMPILE_S:
            return ""
        return f"{self._frames} frames are too few to win back the {_COMPILE_S:g} s or so that compiling takes"

    def _fitting(self) -> dict[str, Any]:
        return {name: found for name, found in self.measured.items() if "left_out" not in found}

    def choose(self) -> Choice:
        """Choose among those measured."""
        fitting = self._fitting()

        def seconds(name: str) -> float:
            return float(fitting[name]["setup_s"] + self._frames * fitting[name]["ms_per_frame"] / 1000)

        runtime = min(fitting, key=seconds)
        _logger.info("Runtime %s on %s: %s", runtime, describe_machine(), self._describe())
        return Choice(runtime, self.measured)

    def _describe(self) -> str:
        parts = []
        for name, found in self.measured.items():
            text = f"{found['ms_per_frame']:.0f} ms a frame" if "ms_per_frame" in found else ""
            if name != "eager" and text:
                text += f", {found['usual_difference']:g} (at most {found['max_difference']}) of 255 from eager"
            parts.append(f"{name} " + "; ".join(filter(None, [text, found.get("left_out")])))
        return ", ".join(parts)


def _time(stylizer: Stylizer, frames: Sequence[Planes]) -> list[float]:
    """Time calls in as many threads as there are lanes, some times."""
    times: list[float] = []
    with ThreadPoolExecutor(stylizer.lanes) as pool:
        while len(times) < 5 and sum(times) < _REPEAT_S:
            start = time.perf_counter()
            list(pool.map(stylizer.stylize, [frames] * stylizer.lanes))
            times.append(time.perf_counter() - start)
    return times
