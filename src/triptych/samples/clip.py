"""Make the bundled clip: a camera moves over a photo, and a melody plays.

`python -m triptych.samples.clip --out FILE` writes it anew. The photo is `china.jpg`, which comes with scikit-learn
(by danielbuechele, CC BY 2.0).
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = (640, 360)
RATE = 25
SECONDS = 6
SAMPLE_RATE = 44_100
_NOTES = (220.0, 277.18, 329.63, 440.0, 329.63, 277.18)  # hertz, one a second: an A major arpeggio


def render_frames(photo: NDArray[np.uint8], seconds: float = SECONDS) -> list[NDArray[np.uint8]]:
    """Move a camera over a photo: it pans to the left, zooms in and rolls a little.

    Args:
        photo: RGB, shape (height, width, 3), at least as wide as a frame is.
        seconds: Length.

    Returns:
        RGB frames, shape (360, 640, 3), uint8.
    """
    width, height = SIZE
    rows, columns = photo.shape[:2]
    frames = []
    for number in range(round(seconds * RATE)):
        t = number / (seconds * RATE)
        eased = t * t * (3 - 2 * t)
        # Never more than the photo covers.
        zoom = max(width / columns, height / rows) * (1.3 + 0.6 * eased)
        centre = (columns * (0.56 - 0.18 * eased), rows * (0.52 - 0.06 * eased))
        move = cv2.getRotationMatrix2D(centre, 2.5 * np.sin(2 * np.pi * t), zoom)
        move[:, 2] += (width / 2 - centre[0], height / 2 - centre[1])
        frame = cv2.warpAffine(photo, move, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        frames.append(np.asarray(frame, np.uint8))
    return frames


def synthesize_tone(seconds: float = SECONDS) -> NDArray[np.float32]:
    """Play one note a second, each with two overtones, panned from left to right.

    Returns:
        Samples in [-1, 1], shape (2, seconds * 44,100).
    """
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = np.array(_NOTES)[(t.astype(int)) % len(_NOTES)]
    within = t % 1
    envelope = np.minimum(within / 0.02, 1) * np.exp(-2.5 * within)
    wave = sum(np.sin(2 * np.pi * pitch * within * k) / k**2 for k in (1, 2, 3)) * envelope * 0.4
    pan = t / seconds
    return np.stack([wave * np.sqrt(1 - pan), wave * np.sqrt(pan)]).astype(np.float32)


def write_clip(path: Path, frames: list[NDArray[np.uint8]], tone: NDArray[np.float32]) -> None:
    """Encode frames as H.264 and sound as AAC into an mp4 file."""
    import av

    with av.open(str(path), "w") as container:
        # One thread and no wall-clock tags: the same bytes each time.
        video: Any = container.add_stream("libx264", rate=RATE, options={"crf": "20", "preset": "slow", "threads": "1"})
        video.width, video.height, video.pix_fmt = (*SIZE, "yuv420p")
        video.time_base = Fraction(1, RATE)
        audio: Any = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo")
        audio.bit_rate = 96_000
        for frame in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(video.encode(None))
        sound = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone), format="fltp", layout="stereo")
        sound.sample_rate, sound.pts = SAMPLE_RATE, 0
        container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


def main() -> None:
    """Write the clip where the command line says."""
    from sklearn.datasets import load_sample_image

    parser = argparse.ArgumentParser(description="Make the bundled clip.")
    parser.add_argument("--out", type=Path, default=Path("data/01_raw/video/temple.mp4"))
    path = parser.parse_args().out
    path.parent.mkdir(parents=True, exist_ok=True)
    write_clip(path, render_frames(np.asarray(load_sample_image("china.jpg"), np.uint8)), synthesize_tone())


if __name__ == "__main__":
    main()
