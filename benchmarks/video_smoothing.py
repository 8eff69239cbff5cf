"""Measure flicker, sharpness and time of each way of smoothing, on some frames of a clip.

    python benchmarks/video_smoothing.py CLIP --frames 48 --style data/01_raw/video_style/models/mosaic.pth

The warping error is that of the report: root mean square in levels of 0 to 255, over consecutive frames. The first
eight frames settle the past and do not count. A sharper picture has more to differ: with `--sharpness` the error is
measured once more after a blur that brings the frames to that sharpness.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from triptych.video.media.conversion import Conversion, plan_conversion
from triptych.video.media.decoding import read_planes
from triptych.video.media.planes import Planes
from triptych.video.params import PlanningParams, SmoothingParams, StyleParams
from triptych.video.planning.probing import probe_video
from triptych.video.runtimes.making import create_stylizer
from triptych.video.stylizing.motion import Frame, sharpness, warping_error
from triptych.video.stylizing.smoothing import TemporalSmoother, see

ROOT = Path(__file__).parents[1]
SETTINGS = {
    "none": SmoothingParams(method="none"),
    "blend_output .5": SmoothingParams(method="blend_output", weight=0.5),
    "blend_output .8": SmoothingParams(method="blend_output", weight=0.8),
    "average_input .8": SmoothingParams(method="average_input", weight=0.8),
}
SETTLING = 8


def smooth(
    frames: list[Planes], conversion: Conversion, style: Path, runtime: str, smoothing: SmoothingParams
) -> tuple[list[Frame], float]:
    """Stylize frames one by one; give the results as RGB and the seconds a frame."""
    stylizer = create_stylizer([(1.0, style)], see(conversion, smoothing), StyleParams(runtime=runtime))  # type: ignore[arg-type]
    stylizer.stylize([TemporalSmoother(smoothing).before(frames[0])])
    smoother = TemporalSmoother(smoothing) if smoothing.method != "none" else None
    start, styled = time.perf_counter(), []
    for frame in frames:
        seen = smoother.before(frame) if smoother else frame
        painted = stylizer.stylize([seen])[0]
        styled.append(smoother.after(frame, painted) if smoother else painted)
    seconds = (time.perf_counter() - start) / len(frames)
    return [shown_as(conversion, picture) for picture in styled], seconds


def shown_as(conversion: Conversion, picture: Planes) -> Frame:
    """Convert planes of the result to RGB."""
    return replace(conversion, source=conversion.target).to_bytes(picture)


def blur_to(frames: list[Frame], goal: float) -> list[Frame]:
    """Blur frames to a mean sharpness, by a Gaussian found by bisection; softer ones stay as they are."""

    def blur(sigma: float) -> list[Frame]:
        return [np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma), np.uint8) for frame in frames]

    if measure_sharpness(frames) <= goal:
        return frames
    least, most = 0.05, 5.0
    for _ in range(12):
        middle = (least + most) / 2
        least, most = (middle, most) if measure_sharpness(blur(middle)) > goal else (least, middle)
    return blur(most)


def measure_sharpness(frames: list[Frame]) -> float:
    """Give the mean sharpness of frames."""
    return float(np.mean([sharpness(frame) for frame in frames]))


def main() -> None:
    """Print a table as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--style", type=Path, default=ROOT / "data/01_raw/video_style/models/mosaic.pth")
    parser.add_argument("--runtime", default="openvino")
    parser.add_argument("--sharpness", type=float, help="at which the error is measured too")
    arguments = parser.parse_args()
    info = probe_video(arguments.clip, PlanningParams())
    first = info.frames // 3
    pts = info.pts[first : first + arguments.frames]
    frames, conversion = [frame for _, frame in read_planes(arguments.clip, info, pts)], plan_conversion(info)
    counted = [conversion.to_bytes(frame) for frame in frames[SETTLING:]]
    rows = {"source": {"warping_error": round(warping_error(counted, counted), 2)}}
    for name, smoothing in SETTINGS.items():
        styled, seconds = smooth(frames, conversion, arguments.style, arguments.runtime, smoothing)
        rows[name] = {
            "warping_error": round(warping_error(counted, styled[SETTLING:]), 2),
            "sharpness": round(measure_sharpness(styled[SETTLING:])),
            "ms_per_frame": round(1000 * seconds, 1),
        }
        if arguments.sharpness:
            blurred = blur_to(styled[SETTLING:], arguments.sharpness)
            rows[name]["warping_error_at_sharpness"] = round(warping_error(counted, blurred), 2)
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
