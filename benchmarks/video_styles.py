"""Train styles, or take trained ones, and tell and show how they paint photos and a clip.

    python benchmarks/video_styles.py data/01_raw/video_style/mosaic.jpg other.jpg --clip car.mp4 --out /tmp/styles
    python benchmarks/video_styles.py mosaic.jpg --models models/ --clip car.mp4 --photos folder --out /tmp/styles

Writes a network for each picture that has none in `--models`, a sheet of all styles, and `figures.csv`.
"""

from __future__ import annotations

import argparse
import logging
import time
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from triptych.video.media.files import open_media
from triptych.video.network.transformer import TransformerNet, load_style
from triptych.video.params import StyleTrainingParams
from triptych.video.stylizing.motion import sharpness, warping_errors
from triptych.video.training.figures import measure_style
from triptych.video.training.photos import PhotoStream, find_photos, read_picture
from triptych.video.training.preview import paint, scale_to_height
from triptych.video.training.training import scale_style, train_from_files

Picture = NDArray[np.uint8]
_PHOTOS = 4
_PAIRS = 24
_HEIGHT_PX = 300


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("styles", nargs="+", type=Path, help="style images")
    parser.add_argument("--models", type=Path, help="folder of trained networks, <name>.pth")
    parser.add_argument("--photos", type=Path, help="folder of photos to paint; default: those of the packages")
    parser.add_argument("--clip", type=Path, help="video on which the warping error is measured")
    parser.add_argument("--seconds", type=float, default=900.0, help="time limit of a training")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    stream = PhotoStream(find_photos(args.photos))
    photos = [next(stream) for _ in range(min(_PHOTOS, len(stream)))]
    pairs = read_pairs(args.clip) if args.clip else []
    shown = [*photos, *(pair[0] for pair in pairs[:: max(1, len(pairs) // 2)][:2])]
    rows, sheet = [], [_row([np.full((64, 96, 3), 255, np.uint8), *shown])]
    for path in args.styles:
        network, seconds = find_or_train(path, args)
        picture = scale_style(read_picture(path), StyleTrainingParams().style_px)
        row = {"style": path.stem, "training_s": seconds, **measure_style(network, picture, photos)}
        rows.append({**row, **measure_flicker(network, pairs)})
        print(pd.DataFrame(rows[-1:]).round(3).to_string(index=False), flush=True)
        sheet.append(_row([picture, *(paint(network, scale_to_height(photo, 384)) for photo in shown)]))
    pd.DataFrame(rows).to_csv(args.out / "figures.csv", index=False)
    cv2.imwrite(str(args.out / "sheet.png"), cv2.cvtColor(_stack(sheet), cv2.COLOR_RGB2BGR))


def find_or_train(path: Path, args: argparse.Namespace) -> tuple[TransformerNet, float]:
    """Load the network of a style image, or train it; tell how long that took."""
    trained = args.models / f"{path.stem}.pth" if args.models else None
    if trained and trained.is_file():
        return load_style(trained), 0.0
    start = time.perf_counter()
    training = StyleTrainingParams(time_limit_s=args.seconds)
    torch.save(train_from_files(path, args.photos or args.out / "none", training).state, args.out / f"{path.stem}.pth")
    return load_style(args.out / f"{path.stem}.pth"), time.perf_counter() - start


def read_pairs(clip: Path) -> list[tuple[Picture, Picture]]:
    """Read pairs of neighbouring frames from all over a clip, their height a multiple of 4."""
    with open_media(clip) as container:
        count = sum(1 for _ in container.decode(video=0))
    firsts = sorted(set(np.linspace(0, count - 2, _PAIRS).astype(int)))
    frames: dict[int, Picture] = {}
    with open_media(clip) as container:
        for number, frame in enumerate(islice(container.decode(video=0), count)):
            if number in firsts or number - 1 in firsts:
                pixels = frame.to_ndarray(format="rgb24")
                frames[number] = np.asarray(pixels[: pixels.shape[0] // 4 * 4, : pixels.shape[1] // 4 * 4], np.uint8)
    return [(frames[first], frames[first + 1]) for first in firsts]


def measure_flicker(network: TransformerNet, pairs: list[tuple[Picture, Picture]]) -> dict[str, float]:
    """Measure the warping error of source and result, and the sharpness of the result (deviation of the Laplacian)."""
    source, result, sharp = [], [], []
    for pair in pairs:
        painted = (paint(network, pair[0]), paint(network, pair[1]))
        if errors := warping_errors(pair, pair, painted):
            source.append(errors[0])
            result.append(errors[1])
            sharp.append(np.sqrt(sharpness(painted[0])))
    if not result:
        return {}
    names = ("warping_error_source", "warping_error", "sharpness")
    return {name: float(np.mean(values)) for name, values in zip(names, (source, result, sharp), strict=True)}


def _row(pictures: list[Picture]) -> Picture:
    padded = [
        np.pad(scale_to_height(one, _HEIGHT_PX), ((2, 2), (2, 2), (0, 0)), constant_values=250) for one in pictures
    ]
    return np.concatenate(padded, 1)


def _stack(rows: list[Picture]) -> Picture:
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])


if __name__ == "__main__":
    main()
