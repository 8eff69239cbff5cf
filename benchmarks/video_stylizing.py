"""Time the stylizing of a clip against the reference's flow, end to end and in input and output alone.

    python benchmarks/video_stylizing.py                                  # bundled style, 640x360
    python benchmarks/video_stylizing.py --network full                   # the paper's width, random weights
    python benchmarks/video_stylizing.py --network identity --size 1920x1080

The reference's flow, as its scripts have it: FFmpeg writes every frame as a JPEG file and the sound as a file; each
JPEG is opened with Pillow, goes through the network alone in eager float32, and is saved as a JPEG; FFmpeg joins them
at 30 frames/s and adds the sound. Ours is what the pipeline does between the landing folder and the finished video:
plan, stylize, restitch, verify. Its choice of runtime is made before and timed apart, as the choice is remembered; so
is the setting up of a runtime that is given, after which the network is timed alone too. The sides take turns, each in
a process of its own; memory is the most that the process and its children held at once, disk what lies in its folder
at the end (the most it held).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import cv2
import imageio_ffmpeg
import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from PIL import Image

from triptych.samples.clip import RATE, render_frames, synthesize_tone
from triptych.video.media.conversion import plan_conversion
from triptych.video.media.decoding import read_planes
from triptych.video.network.transformer import TransformerNet
from triptych.video.params import EncodingParams, PlanningParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import plan_videos, read_plan
from triptych.video.planning.probing import probe_video
from triptych.video.restitching.finishing import finish_videos
from triptych.video.runtimes.making import create_stylizer
from triptych.video.runtimes.stylizers import CopyingStylizer
from triptych.video.stylizing.ranks import stylize_as_rank
from triptych.video.stylizing.reading import SegmentReader
from triptych.video.stylizing.store import SegmentStore
from triptych.video.stylizing.stylizing import SegmentStylizer
from triptych.video.stylizing.work import list_work

RAW = Path(__file__).parents[1] / "data" / "01_raw"
MODELS = RAW / "video_style" / "models"
PHOTO = RAW / "video" / "temple.mp4"  # its first frame
MIB = 2**20
Frame = NDArray[np.uint8]


def write_clip(path: Path, size: tuple[int, int], seconds: float) -> None:
    """Write a moving picture with sound: H.264 and AAC."""
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=RATE, options={"crf": "20"})
        video.width, video.height, video.pix_fmt = (*size, "yuv420p")
        audio: Any = container.add_stream("aac", rate=44_100, layout="stereo")
        with av.open(str(PHOTO)) as source:
            photo = next(source.decode(video=0)).to_ndarray(format="rgb24")
        for frame in render_frames(np.asarray(photo, np.uint8), seconds):
            resized = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC)
            container.mux(video.encode(av.VideoFrame.from_ndarray(resized, format="rgb24")))
        container.mux(video.encode(None))
        sound = av.AudioFrame.from_ndarray(synthesize_tone(seconds), format="fltp", layout="stereo")
        sound.sample_rate = 44_100
        container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


def run_reference(clip: Path, network: Path | None, folder: Path) -> None:
    """Do what the reference does."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    (folder / "frames").mkdir()
    (folder / "styled").mkdir()
    _run([*ffmpeg, "-i", str(clip), str(folder / "frames" / "%05d_video.jpg")])
    _run([*ffmpeg, "-i", str(clip), "-vn", "-acodec", "copy", str(folder / "audio.aac")])
    model = _load(network) if network else None
    for path in sorted((folder / "frames").iterdir()):
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        if model is not None:
            with torch.no_grad():
                tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()
                styled = model(tensor[None])[0].clamp(0, 255)
            pixels = styled.permute(1, 2, 0).numpy().astype(np.uint8)
        Image.fromarray(pixels).save(folder / "styled" / path.name)
    frames = ["-framerate", "30", "-i", str(folder / "styled" / "%05d_video.jpg"), "-pix_fmt", "yuv420p"]
    _run([*ffmpeg, *frames, str(folder / "silent.mp4")])
    both = ["-i", str(folder / "silent.mp4"), "-i", str(folder / "audio.aac"), "-c", "copy", str(folder / "out.mp4")]
    _run([*ffmpeg, *both])


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603


def _load(network: Path) -> Any:
    from triptych.video.network.transformer import load_style

    return load_style(network).eval()


def run_ours(clip: Path, network: Path | None, folder: Path, runtime: str) -> dict[str, Any]:
    """Plan, stylize, restitch and verify."""
    style, smoothing, encoding = StyleParams(runtime=runtime), SmoothingParams(method="none"), EncodingParams()  # type: ignore[arg-type]
    for name in ("normalised", "finished"):
        (folder / name).mkdir()
    model = network or MODELS / "mosaic.pth"
    plan = plan_videos(clip.parent, [clip.name], folder / "normalised", model, PlanningParams(), style, smoothing)
    store = SegmentStore(folder / "segments")
    if network is None:
        reader = SegmentReader(clip.parent, folder / "normalised", store, encoding)
        stylizer = SegmentStylizer(reader, store, lambda item: CopyingStylizer(item.conversion), smoothing, encoding)
        work = list_work(read_plan(plan), {"runtime": "identity"}, encoding)
        report = stylizer.stylize(work, lambda _: None) | {"runtime": "identity"}
        keys = {clip.name: [item.key for item in work]}
    else:
        report = stylize_as_rank(
            clip.parent, folder / "normalised", plan, network, store.folder, style, smoothing, encoding
        )
        keys = report["keys"]
    results = finish_videos(read_plan(plan), keys, clip.parent, store, folder / "finished", encoding)
    if results[0]["status"] != "finished":
        raise SystemExit(results[0]["reason"])
    return {"runtime": report["runtime"], "setup_seconds": report.get("setup_seconds", 0.0)}


def set_up(network: Path, clip: Path, runtime: str) -> dict[str, float]:
    """Set a runtime up, which keeps it for the flow in this process, and time the network alone.

    Args:
        network: Checkpoint.
        clip: Of the frames to come.
        runtime: Not `auto`.
    """
    start = time.perf_counter()
    info = probe_video(clip, PlanningParams())
    stylizer = create_stylizer([(1.0, network)], plan_conversion(info), StyleParams(runtime=runtime))  # type: ignore[arg-type]
    frames = [planes for _, planes in read_planes(clip, info, info.pts[:1])] * stylizer.batch_size
    stylizer.stylize(frames)
    seconds, times = time.perf_counter() - start, []
    with ThreadPoolExecutor(stylizer.lanes) as pool:
        while len(times) < 3 or sum(times) < 1:
            start = time.perf_counter()
            list(pool.map(stylizer.stylize, [frames] * stylizer.lanes))
            times.append(time.perf_counter() - start)
    rate = stylizer.lanes * len(frames) / statistics.median(times)
    return {"runtime_seconds": seconds, "network_frames_per_s": rate}


def run_side(arguments: argparse.Namespace) -> None:
    """Run one side once, in this process, and print its figures."""
    peak, stopped = [0.0], threading.Event()

    def watch() -> None:
        own = psutil.Process()
        while not stopped.wait(0.05):
            processes = [own, *own.children(recursive=True)]
            with contextlib.suppress(psutil.Error):  # one that has just ended
                peak[0] = max(peak[0], sum(process.memory_info().rss for process in processes) / MIB)

    watcher = threading.Thread(target=watch)
    watcher.start()
    network = None if arguments.network == "identity" else Path(arguments.network)
    more: dict[str, Any] = {}
    if arguments.side == "ours" and network and arguments.runtime != "auto":
        more = set_up(network, arguments.clip, arguments.runtime)
    start = time.perf_counter()
    if arguments.side == "reference":
        run_reference(arguments.clip, network, arguments.folder)
    else:
        more |= run_ours(arguments.clip, network, arguments.folder, arguments.runtime)
    seconds = time.perf_counter() - start - more.get("setup_seconds", 0.0)
    stopped.set()
    watcher.join()
    disk = sum(path.stat().st_size for path in arguments.folder.rglob("*") if path.is_file()) / MIB
    print(json.dumps({"seconds": seconds, "peak_mib": peak[0], "disk_mib": disk, **more}))


def main() -> None:
    """Time both sides in turns and print medians and ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="", help="checkpoint, `full` (random weights) or `identity`")
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runtime", default="auto")
    parser.add_argument("--no-reference", action="store_true", help="time ours alone")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--clip", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        run_side(arguments)
        return
    with tempfile.TemporaryDirectory() as work:
        result = compare(arguments, Path(work))
    print(json.dumps(result, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))


def parse_size(text: str) -> tuple[int, int]:
    """Read `640x360`."""
    width, height = map(int, text.split("x"))
    return width, height


def compare(arguments: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Let the sides take turns."""
    (work / "landing").mkdir()
    clip = work / "landing" / "clip.mp4"
    write_clip(clip, parse_size(arguments.size), arguments.seconds)
    network = arguments.network or str(MODELS / "mosaic.pth")
    if network == "full":
        torch.manual_seed(0)
        network = str(work / "full.pth")
        torch.save(TransformerNet(32, 5).state_dict(), network)
    sides = ["ours"] if arguments.no_reference else ["reference", "ours"]
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for turn in range(arguments.rounds):
        for side, found in runs.items():
            folder = work / f"{side}-{turn}"
            folder.mkdir()
            command = [sys.executable, __file__, "--side", side, "--clip", str(clip), "--network", network]
            command += ["--folder", str(folder), "--runtime", arguments.runtime, "--size", arguments.size]
            found.append(json.loads(_run(command).splitlines()[-1]))
            print(side, found[-1], flush=True)
    medians = {side: {key: statistics.median(run[key] for run in found) for key in ("seconds", "peak_mib", "disk_mib")}
               for side, found in runs.items()}  # fmt: skip
    frames, last = round(arguments.seconds * RATE), runs["ours"][-1]
    result = {
        "frames": frames,
        "size": arguments.size,
        "network": Path(network).stem,
        "runtime": last["runtime"],
        "setup_seconds": [run["setup_seconds"] for run in runs["ours"]],
        "frames_per_s": frames / medians["ours"]["seconds"],
        **{name: last[name] for name in ("runtime_seconds", "network_frames_per_s") if name in last},
        **medians,
    }
    if arguments.no_reference:
        return result
    ratios = [a["seconds"] / b["seconds"] for a, b in zip(runs["reference"], runs["ours"], strict=True)]
    return result | {"ratio": medians["reference"]["seconds"] / medians["ours"]["seconds"], "ratios": ratios}


if __name__ == "__main__":
    main()
