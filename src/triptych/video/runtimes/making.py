"""How what runs the network is made: engines for a size of frames, and a stylizer for a video on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from triptych.distributed import local_world_size
from triptych.parallel import count_threads
from triptych.video.media.conversion import Conversion
from triptych.video.media.planes import Layout
from triptych.video.network.pixels import PixelNetwork
from triptych.video.network.planes import PlaneNetwork
from triptych.video.network.transformer import TransformerNet, load_style
from triptych.video.params import SMALLEST_TILE, StyleParams
from triptych.video.runtimes.cuda import CUDA_LANES, build_cuda
from triptych.video.runtimes.eager import Build, Engine, build_eager
from triptych.video.runtimes.hardware import fit_batch, free_gpu_memory, free_memory
from triptych.video.runtimes.painters import (
    Painter,
    ScaledPainter,
    Shares,
    build_run,
    in_fixed_batches,
    make_examples,
    make_shares,
)
from triptych.video.runtimes.sizes import pad_length, padded_size, scale_size
from triptych.video.runtimes.stylizers import (
    CopyingStylizer,
    GraphStylizer,
    RgbStylizer,
    SharingStylizer,
    Stylizer,
    pick_shares,
    weigh_styles,
)

__all__ = ["Styles", "choose_tile_pixels", "create_painter", "create_stylizer"]

Styles = Sequence[tuple[float | Sequence[float], Path]]
"""Weight of each checkpoint, or of each style in it, and the checkpoint."""
_Files = tuple[tuple[Path, int], ...]
_FRAME_A_THREAD = ("openvino", "compile")  # these compute other pixels with another number of threads
_PLANES_IN_GRAPH = ("cuda",)  # where a graph converts colours quicker than OpenCV: see media.conversion
_LARGEST_BATCH = 16
_TILE_PIXELS = 2**22  # on processors, whose memory is mostly enough for more, but not their caches
_LARGEST_TILE = 2**26
_SETUPS = 2  # sizes of frames whose engines are kept


def create_stylizer(styles: Styles, conversion: Conversion, style: StyleParams) -> Stylizer:
    """Make what stylizes the frames of a video; engines are made once for all videos of a size.

    Args:
        styles: The checkpoints, with the weights of their styles that count where a call names none. Styles of one
            checkpoint are blended within the network, those of several by their pictures.
        conversion: From the video's planes to RGB, and to those of its result.
        style: The runtime, a fixed one, and all else.

    Raises:
        ValueError: If a checkpoint is not one of a style network, or the runtime is `auto`.
        RuntimeError: Or ImportError, or whatever it raises, if the runtime cannot run here.
    """
    setup = _Setup.of([path for _, path in styles], style)
    if style.strength == 0:
        return CopyingStylizer(conversion)
    counts = [network.styles for network in _load(setup.files)]
    shares = weigh_styles([weight for weight, _ in styles], counts)
    if len(counts) == 1:
        return _create_stylizer(setup, conversion, style, shares if len(shares) > 1 else None)

    def make(active: tuple[int, ...]) -> Stylizer:
        some = replace(setup, files=tuple(setup.files[number] for number in active))
        return _create_stylizer(some, conversion, style, pick_shares(shares, counts, active))

    return SharingStylizer(make, counts, shares)


def _create_stylizer(setup: _Setup, conversion: Conversion, style: StyleParams, shares: Shares | None) -> Stylizer:
    """Make what runs all checkpoints of a setup, whatever their shares."""
    source = conversion.source
    lanes = setup.count_lanes(scale_size((source.height, source.width), style.scale))
    if setup.runtime in _PLANES_IN_GRAPH and style.scale == 1 and source.height * source.width <= setup.max_pixels:
        run, batch_size = _create_graph(setup, style.strength, source, conversion.target)
        return GraphStylizer(conversion, run, batch_size, lanes, shares)
    painter, batch_size = _create_painter(setup, (source.height, source.width), style, deep=conversion.deep)
    return RgbStylizer(conversion, painter, batch_size, lanes, shares)


def create_painter(styles: Styles, size: tuple[int, int], style: StyleParams, *, deep: bool = False) -> Painter:
    """Make what stylizes frames of RGB; asked again for the same, it gives the same.

    Args:
        styles: As of `create_stylizer`.
        size: Height and width of the frames.
        style: As of `create_stylizer`.
        deep: Whether frames are float32, and not uint8.
    """
    return _create_painter(_Setup.of([path for _, path in styles], style), (size[0], size[1]), style, deep=deep)[0]


@dataclass(frozen=True)
class _Setup:
    """What engines are made by, whatever the size of the frames.

    Attributes:
        files: Checkpoints, each with its time of change.
        runtime: What runs them.
        batch_size: The wish; 0 for none.
        max_pixels: Frames with more are stylized in tiles.
        threads: Of this rank on the CPU.
    """

    files: _Files
    runtime: str
    batch_size: int
    max_pixels: int
    threads: int

    @classmethod
    def of(cls, paths: Sequence[Path], style: StyleParams) -> _Setup:
        """Take it from the parameters."""
        if style.runtime == "auto":
            raise ValueError("runtime must be chosen before a stylizer is made: see choose_runtime")
        files = tuple((Path(path), Path(path).stat().st_mtime_ns) for path in paths)
        most = style.max_tile_pixels or _TILE_PIXELS
        return cls(files, style.runtime, style.batch_size, most, count_threads(style.threads))

    def count_lanes(self, size: tuple[int, int]) -> int:
        """Count the frames that go through the network at once, one a thread, as far as memory goes."""
        if self.runtime == "cuda":
            return CUDA_LANES
        if self.runtime not in _FRAME_A_THREAD:
            return 1
        width = sum(network.width for network in _load(self.files))
        pixels = min(size[0] * size[1], self.max_pixels)
        return min(self.threads, fit_batch(free_memory() // 2 // local_world_size(), pixels, width))

    def choose_batch(self, size: tuple[int, int], width: int) -> int:
        """Choose the frames of a step; on CPUs several gain nothing."""
        if self.batch_size:
            return self.batch_size
        if self.runtime != "cuda" or size[0] * size[1] > self.max_pixels:
            return 1
        return min(_LARGEST_BATCH, fit_batch(free_gpu_memory() // 2 // CUDA_LANES, size[0] * size[1], width))


@lru_cache(maxsize=_SETUPS)
def _load(files: _Files) -> list[TransformerNet]:
    return [load_style(path) for path, _ in files]


def _create_painter(setup: _Setup, size: tuple[int, int], style: StyleParams, *, deep: bool) -> tuple[Painter, int]:
    if style.scale == 1:
        return _create_plain_painter(setup, size, style.strength, deep)
    painter, batch_size = _create_plain_painter(setup, scale_size(size, style.scale), 1.0, deep)
    return ScaledPainter(painter, size, style.strength), batch_size


@lru_cache(maxsize=_SETUPS)
def _create_plain_painter(setup: _Setup, size: tuple[int, int], strength: float, deep: bool) -> tuple[Painter, int]:
    networks = _load(setup.files)
    batch_size = setup.choose_batch(size, sum(network.width for network in networks))
    dtype = np.float32 if deep else np.uint8
    run = build_run(
        networks,
        strength,
        _find_build(setup.runtime),
        padded_size(size),
        batch_size if setup.runtime == "cuda" else 1,
        setup.max_pixels,
        setup.threads,
        fast=setup.runtime != "eager",
        dtype=dtype,
    )
    return Painter(size, dtype, run), batch_size


@lru_cache(maxsize=_SETUPS)
def _create_graph(setup: _Setup, strength: float, source: Layout, target: Layout) -> tuple[Engine, int]:
    """Make an engine from planes to planes."""
    networks = _load(setup.files)
    size = (source.height, source.width)
    batch_size = setup.choose_batch(size, sum(network.width for network in networks))
    pixels = PixelNetwork(networks, strength, fast=setup.runtime != "eager")
    padding = (pad_length(source.width), pad_length(source.height))
    module = PlaneNetwork(pixels, source, target, padding).eval().requires_grad_(False)
    examples = [make_examples(batch_size, shape)[..., 0].astype(source.dtype) for shape in source.shapes]
    inputs = [*examples, *[np.ones((batch_size, 3, 4), np.float32)] * 2, *make_shares(pixels, batch_size)]
    return in_fixed_batches(_find_build(setup.runtime)(module, inputs, setup.threads), batch_size), batch_size


def choose_tile_pixels(paths: Sequence[Path], style: StyleParams) -> int:
    """Choose the pixels above which frames are stylized in tiles.

    Args:
        paths: Checkpoints of the styles.
        style: The wish, and the runtime; on a GPU without a wish a quarter of the free memory a lane, in powers of two,
            so that it is the same every time.
    """
    if style.max_tile_pixels or style.runtime != "cuda":
        return style.max_tile_pixels or _TILE_PIXELS
    width = sum(load_style(path).width for path in paths)
    fitting = fit_batch(free_gpu_memory() // 2 // CUDA_LANES, 1, width)
    return max(SMALLEST_TILE, min(_LARGEST_TILE, 1 << (fitting.bit_length() - 1)))


def _find_build(runtime: str) -> Build:
    if runtime == "compile":
        from triptych.video.runtimes.compiled import build_compiled

        return build_compiled
    if runtime == "openvino":
        from triptych.video.runtimes.openvino import build_openvino

        return build_openvino
    if runtime == "cuda":
        return build_cuda
    return build_eager
