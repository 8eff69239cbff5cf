"""Measure the ceiling of every stage of the stylizing on its own, all of them together, and the reference beside.

    python benchmarks/video_stages.py                                    # bundled style, three sizes
    python benchmarks/video_stages.py --network full --sizes 640x360 --reference
    python benchmarks/video_stages.py --network identity --reference

Frames/s of: decoding to planes; planes to RGB and back; the network between RGB, as many frames at once as the runtime
takes; encoding planes; and everything from the landing folder to the checked result, as `video_stylizing.py` runs it,
whose flow of the reference gives the ratio. Each stage has the machine to itself, so together they can reach the
slowest one's figure where cores are many, and where they are few the sum of their times.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from video_stylizing import MODELS, parse_size, run_ours, run_reference, write_clip

from triptych.video.media.conversion import Conversion, plan_conversion
from triptych.video.media.encoding import SegmentWriter
from triptych.video.media.info import VideoInfo
from triptych.video.media.planes import Planes
from triptych.video.media.reader import VideoReader
from triptych.video.network.transformer import TransformerNet
from triptych.video.params import EncodingParams, PlanningParams, StyleParams
from triptych.video.planning.probing import probe_video
from triptych.video.runtimes.making import create_stylizer

LEAST_S = 1.0
HELD = 50  # frames kept in memory for the stages that take some


def measure(work: Callable[[], int]) -> float:
    """Give the frames a second of work that says how many frames it did; the first time does not count."""
    work()
    frames, start = 0, time.perf_counter()
    while time.perf_counter() - start < LEAST_S:
        frames += work()
    return frames / (time.perf_counter() - start)


def decode(clip: Path, info: VideoInfo) -> list[Planes]:
    """Decode the frames of a clip."""
    reader = VideoReader(clip, info)
    try:
        return [planes for _, planes in reader.read(info.pts[:HELD])]
    finally:
        reader.close()


def convert(frames: list[Planes], conversion: Conversion) -> int:
    """Convert to RGB and back."""
    for frame in frames:
        conversion.to_planes(conversion.to_rgb(frame))
    return len(frames)


def encode(frames: list[Planes], info: VideoInfo, folder: Path, encoding: EncodingParams) -> int:
    """Encode a segment."""
    with SegmentWriter(folder / "segment.mp4", info, encoding) as writer:
        for frame in frames:
            writer.write(frame)
    return len(frames)


def measure_network(frames: list[Planes], conversion: Conversion, network: Path, runtime: str) -> float:
    """Give the frames a second of the network, conversion of colours included."""
    stylizer = create_stylizer([(1.0, network)], conversion, StyleParams(runtime=runtime))  # type: ignore[arg-type]
    batch = (frames * stylizer.batch_size)[: stylizer.batch_size]
    with ThreadPoolExecutor(stylizer.lanes) as pool:

        def work() -> int:
            count = 2 * stylizer.lanes
            list(pool.map(stylizer.stylize, [batch] * count))
            return count * len(batch)

        return measure(work)


def measure_whole(clip: Path, network: Path | None, runtime: str, reference: bool) -> dict[str, float]:
    """Give the frames a second of the whole flow, and of the reference's."""
    found: dict[str, float] = {}
    frames = probe_video(clip, PlanningParams()).frames
    sides: dict[str, Callable[[Path], Any]] = {"all": lambda folder: run_ours(clip, network, folder, runtime)}
    if reference:
        sides["reference"] = lambda folder: run_reference(clip, network, folder)
    for name, run in sides.items():
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            run(Path(folder))
            found[name] = frames / (time.perf_counter() - start)
    return found | ({"ratio": found["all"] / found["reference"]} if reference else {})


def measure_size(arguments: argparse.Namespace, size: str, network: Path | None, work: Path) -> dict[str, Any]:
    """Measure every stage for frames of a size."""
    clip = work / size / "clip.mp4"
    clip.parent.mkdir()
    write_clip(clip, parse_size(size), arguments.seconds)
    info, encoding = probe_video(clip, PlanningParams()), EncodingParams(codec=arguments.codec)
    conversion, frames = plan_conversion(info, encoding), decode(clip, info)
    row: dict[str, Any] = {
        "decode": measure(lambda: len(decode(clip, info))),
        "convert": measure(lambda: convert(frames, conversion)),
        "encode": measure(lambda: encode(frames, info, work, encoding)),
    }
    if network is not None:
        row["network"] = measure_network(frames, conversion, network, arguments.runtime)
    return row | measure_whole(clip, network, arguments.runtime, arguments.reference)


def main() -> None:
    """Print a row of frames a second for every size, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=["640x360", "1280x720", "1920x1080"])
    parser.add_argument("--network", default="", help="checkpoint, `full` (random weights) or `identity`")
    parser.add_argument("--runtime", default="openvino")
    parser.add_argument("--codec", default="h264")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--reference", action="store_true", help="run the reference's flow too")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        network: Path | None = Path(arguments.network) if arguments.network else MODELS / "mosaic.pth"
        if arguments.network == "full":
            torch.manual_seed(0)
            network = Path(folder) / "full.pth"
            torch.save(TransformerNet(32, 5).state_dict(), network)
        network = None if arguments.network == "identity" else network
        rows = {size: measure_size(arguments, size, network, Path(folder)) for size in arguments.sizes}
    result = {"cores": os.cpu_count(), "network": arguments.network or "mosaic", "frames_per_s": rows}
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.json:
        arguments.json.write_text(text)


if __name__ == "__main__":
    main()
