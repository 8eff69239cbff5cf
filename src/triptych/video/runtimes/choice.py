"""What runs the network: how it is made, and which is chosen."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triptych.distributed import local_world_size, world_size
from triptych.parallel import count_threads
from triptych.video.network.transformer import load_style
from triptych.video.params import StyleParams
from triptych.video.runtimes.eager import Build, build_eager
from triptych.video.runtimes.hardware import describe_machine, find_gpu, free_gpu_memory, free_memory
from triptych.video.runtimes.openvino import has_openvino
from triptych.video.runtimes.stylizers import ScaledStylizer, Stylizer, build_run, padded_size

__all__ = ["Choice", "choose_runtime", "create_stylizer", "describe_machine"]

_logger = logging.getLogger(__name__)
Frame = NDArray[np.uint8]
Styles = Sequence[tuple[float, Path]]
_FRAME_A_THREAD = ("openvino", "compile")  # these compute other pixels with another number of threads
_COMPILE_S = 30.0  # what compiling takes on two cores when nothing of it is cached
_BEST_COMPILED = 5.0  # times eager's speed, as measured: 4.5 to 5
_BYTES_A_PIXEL = 16  # of memory, for each channel of the first layer: what the widest layers hold at once
_LARGEST_BATCH = 16
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


def create_stylizer(styles: Styles, size: tuple[int, int], style: StyleParams) -> Stylizer:
    """Make what stylizes frames of a size; asked again for the same, it gives the same.

    Args:
        styles: Weight and checkpoint of each style; pictures of several are blended.
        size: Height and width of the frames.
        style: The runtime, a fixed one, and all else.

    Raises:
        ValueError: If a checkpoint is not one of a style network, or the runtime is `auto`.
        RuntimeError: Or ImportError, or whatever it raises, if the runtime cannot run here.
    """
    if style.runtime == "auto":
        raise ValueError("runtime must be chosen before a stylizer is made: see choose_runtime")
    files = tuple((float(weight), Path(path), Path(path).stat().st_mtime_ns) for weight, path in styles)
    threads = count_threads(style.threads)
    settings = (style.runtime, style.batch_size, style.max_tile_pixels, threads)
    if style.scale == 1:
        return _create(files, (size[0], size[1]), style.strength, *settings)
    small = (max(1, round(size[0] * style.scale)), max(1, round(size[1] * style.scale)))
    return ScaledStylizer(_create(files, small, 1.0, *settings), size, style.strength)


@lru_cache(maxsize=2)
def _create(
    files: tuple[tuple[float, Path, int], ...],
    size: tuple[int, int],
    strength: float,
    runtime: str,
    batch_size: int,
    max_pixels: int,
    threads: int,
) -> Stylizer:
    networks = [load_style(path) for _, path, _ in files]
    width = sum(network.width for network in networks)
    batch_size = batch_size or _choose_batch(runtime, size, max_pixels, width, threads)
    if runtime in _FRAME_A_THREAD:
        threads = min(threads, batch_size)
    run = build_run(
        networks,
        [weight for weight, _, _ in files],
        strength,
        _find_build(runtime),
        padded_size(size),
        # On CPUs a batch gains nothing: frames go through one by one, several at a time.
        batch_size if runtime == "cuda" else 1,
        max_pixels,
        threads,
        fast=runtime != "eager",
        at_a_time=threads if runtime in _FRAME_A_THREAD else 1,
    )
    return Stylizer(runtime, size, batch_size, run)


def _choose_batch(runtime: str, size: tuple[int, int], max_pixels: int, width: int, threads: int) -> int:
    pixels = min(size[0] * size[1], max_pixels)
    if runtime in _FRAME_A_THREAD:
        return min(threads, fit_batch(free_memory() // 2 // local_world_size(), pixels, width))
    if runtime != "cuda" or size[0] * size[1] > max_pixels:
        return 1
    return min(_LARGEST_BATCH, fit_batch(free_gpu_memory() // 2, pixels, width))


def fit_batch(memory: int, pixels: int, width: int) -> int:
    """Give the number of frames that fit into so many bytes, 1 at least.

    Args:
        memory: Bytes.
        pixels: Of a frame.
        width: Channels of the networks' first layers, together.
    """
    return max(1, memory // (pixels * width * _BYTES_A_PIXEL))


def _find_build(runtime: str) -> Build:
    if runtime == "compile":
        from triptych.video.runtimes.compiled import build_compiled

        return build_compiled
    if runtime == "openvino":
        from triptych.video.runtimes.openvino import build_openvino

        return build_openvino
    if runtime == "cuda":
        from triptych.video.runtimes.cuda import build_cuda

        return build_cuda
    return build_eager


def choose_runtime(styles: Styles, frame: Frame, frames_to_do: int, style: StyleParams) -> Choice:
    """Choose what runs the network, by trying on a frame what there is.

    The one that will be done first wins, setting up included, among those whose pixels keep to `pixel_tolerance`.

    Args:
        styles: Weight and checkpoint of each style.
        frame: uint8 RGB, (H, W, 3), of the video with most to do.
        frames_to_do: Frames of this size to be stylized, by all ranks together.
        style: The wish and its limits.
    """
    if style.runtime != "auto":
        return Choice(style.runtime, {})
    trial = _Trial(styles, _crop(frame, style.max_tile_pixels), max(1, frames_to_do // world_size()), style)
    for runtime, reason in (
        ("eager", ""),
        ("cuda", "" if find_gpu() else "no GPU"),
        ("openvino", "" if has_openvino() else "not installed"),
        ("compile", None),
    ):
        trial.measure(runtime, trial.refuse_compiling() if reason is None else reason)
    return trial.choose()


def _crop(frame: Frame, most: int) -> Frame:
    """Take a part of a frame that needs no tiles: what runs one part fastest runs all."""
    height, width = frame.shape[:2]
    while height * width > most:
        height, width = (height // 2, width) if height > width else (height, width // 2)
    top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
    return np.ascontiguousarray(frame[top : top + height, left : left + width])


class _Trial:
    """Tries runtimes on one frame, eager first."""

    def __init__(self, styles: Styles, frame: Frame, frames: int, style: StyleParams) -> None:
        self._styles, self._frame, self._frames, self._style = styles, frame, frames, style
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
        height, width = self._frame.shape[:2]
        start = time.perf_counter()
        stylizer = create_stylizer(self._styles, (height, width), style)
        batch = np.repeat(self._frame[None], stylizer.batch_size, 0)
        styled = stylizer.stylize(batch)[0].astype(np.int16)
        setup = time.perf_counter() - start
        times: list[float] = []
        while len(times) < 5 and sum(times) < _REPEAT_S:
            start = time.perf_counter()
            stylizer.stylize(batch)
            times.append(time.perf_counter() - start)
        if self._reference is None:
            self._reference = styled
        difference = np.abs(styled - self._reference)
        return {
            "ms_per_frame": round(1000 * min(times) / len(batch), 2),
            "setup_s": round(setup, 2),
            "max_difference": int(difference.max()),
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
