"""Train a style network on photos, so that it paints any picture in the style of one.

Without downloads a critic learns on the way what tells painted pictures from the style; with VGG16's weights the
features of that network compare, as in the paper of Johnson et al.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from triptych.video.network.transformer import TransformerNet, build_network, name_styles
from triptych.video.params import StyleTrainingParams
from triptych.video.runtimes.hardware import find_gpu, half_precision
from triptych.video.training.crops import CropMaker, to_tensor
from triptych.video.training.figures import measure_styles
from triptych.video.training.log import LossLog
from triptych.video.training.objectives import CriticObjective, Objective, Vgg16Objective, total_variation
from triptych.video.training.perceptual import choose_vgg16
from triptych.video.training.photos import PhotoStream, find_photos, read_styles
from triptych.video.training.preview import draw_preview, stack_previews

Picture = NDArray[np.uint8]
_logger = logging.getLogger(__name__)
_SHOWN = 3  # photos of the preview
_SMALLEST_STYLE_PX = 72
_LOUDER = 8.0  # the last layer's weights at the start: it begins with contrast instead of grey
_RANGE_WEIGHT = 5.0
_CLIP_NORM = 10.0
_BETAS = (0.5, 0.99)
_LATE = 0.02  # of the time limit
_MEMORY = 0.99  # of the running mean of the weights, which is what is kept


@dataclass(frozen=True)
class TrainedStyle:
    """What a training gives.

    Attributes:
        state: State dict of the network, on the CPU; of a folder of pictures with the names of their styles.
        figures: How it paints (see `measure_styles`).
        log: Losses, a row every few steps.
        preview: The style or styles, and photos before and after.
    """

    state: dict[str, Any]
    figures: dict[str, float]
    log: pd.DataFrame
    preview: Picture


def train_from_files(style_image: Path, photos: Path, training: StyleTrainingParams) -> TrainedStyle:
    """Train a network from a picture, or several styles in one from a folder of pictures, and a folder of photos.

    Args:
        style_image: The picture, or the folder.
        photos: Photos to learn on; where the folder holds none, those that come with scikit-learn and scikit-image.
        training: How.
    """
    styles, stream = read_styles(style_image), PhotoStream(find_photos(photos), training.seed)
    shown = [next(stream) for _ in range(min(_SHOWN, len(stream)))]
    trained, log = train_styles(list(styles.values()), stream, training)
    state = name_styles(trained, list(styles)) if style_image.is_dir() else trained
    network = build_network(state)
    networks = {name: network.extract(number) for number, name in enumerate(styles)}
    scaled = {name: scale_style(picture, training.style_px) for name, picture in styles.items()}
    figures = measure_styles(networks, scaled, shown)
    sheets = [draw_preview(networks[name], picture, shown) for name, picture in styles.items()]
    return TrainedStyle(state, figures, log, stack_previews(sheets))


def train_style(
    style_image: Picture, photos: Sequence[Picture] | PhotoStream, training: StyleTrainingParams
) -> tuple[dict[str, Tensor], pd.DataFrame]:
    """Train a network to paint in the style of a picture; see `train_styles`."""
    return train_styles([style_image], photos, training)


def train_styles(
    style_images: Sequence[Picture], photos: Sequence[Picture] | PhotoStream, training: StyleTrainingParams
) -> tuple[dict[str, Tensor], pd.DataFrame]:
    """Train a network to paint in the styles of pictures, a step each in turn.

    Convolutions are shared, and learn from all; each style has a scale and shift of its own after every normalisation,
    an objective and crops of its own (Dumoulin et al., "A learned representation for artistic style", 2017).

    Args:
        style_images: (H, W, 3) RGB each.
        photos: (H, W, 3) RGB each, of anything; larger than a crop is best.
        training: Size, steps and weights; steps and time limit are for each style.

    Returns:
        State dict of the network on the CPU, and a log with the mean losses of every group of steps. The same
        arguments give the same weights on the same machine with as many threads, unless the time limit cuts in.

    Raises:
        ValueError: If there are no photos.
        FloatingPointError: If a loss is not finite.
    """
    if not len(photos):
        raise ValueError("no photos to train on")
    device = torch.device(find_gpu() or "cpu")
    with torch.random.fork_rng():
        torch.manual_seed(training.seed)
        pictures = [scale_style(picture, training.style_px) for picture in style_images]
        styles = [to_tensor(picture).to(device) for picture in pictures]
        network = TransformerNet(training.width, training.blocks, len(styles))
        _begin_loud_in_mean_colour(network, styles)
        network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        crops = [CropMaker(_begin(photos), len(photos), picture, training) for picture in pictures]
        state, log = _fit(network, _make_lessons(styles, crops, training), training)
    return {name: value.cpu().contiguous() for name, value in state.items()}, log


def _begin(photos: Sequence[Picture] | PhotoStream) -> Iterator[Picture]:
    """Give photos from the first one on: a few from the middle of a round may hold one twice, and miss another."""
    return photos.renew() if isinstance(photos, PhotoStream) else cycle(photos)


@dataclass(frozen=True)
class _Lesson:
    """What is learnt of one style: its objective, its crops, and its shares (1, styles) where there are several."""

    objective: Objective
    crops: CropMaker
    shares: Tensor | None


def _make_lessons(styles: Sequence[Tensor], crops: Sequence[CropMaker], training: StyleTrainingParams) -> list[_Lesson]:
    vgg16 = choose_vgg16(training)
    shares = torch.eye(len(styles), device=styles[0].device)
    lessons = []
    for number, (style, own) in enumerate(zip(styles, crops, strict=True)):
        objective = (
            Vgg16Objective(vgg16.to(style.device), style, training) if vgg16 else CriticObjective(style, training)
        )
        lessons.append(_Lesson(objective, own, shares[number : number + 1] if len(styles) > 1 else None))
    return lessons


def _fit(
    network: TransformerNet, lessons: Sequence[_Lesson], training: StyleTrainingParams
) -> tuple[dict[str, Tensor], pd.DataFrame]:
    steps, seconds = training.steps * len(lessons), training.time_limit_s * len(lessons)
    optimizer = torch.optim.Adam(network.parameters(), training.learning_rate, betas=_BETAS)
    log, mean, start = LossLog(steps, len(lessons)), _RunningMean(network), time.perf_counter()
    for step in range(steps):
        spent = (time.perf_counter() - start) / seconds
        # The clock counts where it is clearly ahead: else it would have a say in the weights of every training.
        share = one_cycle(max(step / steps, spent - _LATE))
        for group in optimizer.param_groups:
            group["lr"] = training.learning_rate * share
        losses = _measure(network, lessons[step % len(lessons)], training, share)
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP_NORM)
        optimizer.step()
        mean.add(network)
        last = step + 1 == steps or spent >= 1
        log.add(step + 1, losses, training.learning_rate * share, last=last)
        if last:
            break
    return mean.state, log.to_frame()


def _measure(
    network: TransformerNet, lesson: _Lesson, training: StyleTrainingParams, share: float
) -> dict[str, Tensor]:
    batch = lesson.crops.draw().to(next(network.parameters()).device)
    with half_precision(batch.seen.device):
        painted = network(batch.seen * 255, lesson.shares).float() / 255
    losses = lesson.objective(batch, painted, share)
    losses["flicker"] = training.consistency_weight * batch.movement.compare(painted[:1], painted[-1:])
    losses["range"] = _RANGE_WEIGHT * (painted - painted.clamp(0, 1)).abs().mean()
    if training.total_variation_weight:
        losses["total_variation"] = training.total_variation_weight * total_variation(painted)
    return {"loss": torch.stack(list(losses.values())).sum(), **losses}


def one_cycle(progress: float, warm_up: float = 0.05) -> float:
    """Return the learning rate as a share of the highest, at a progress of 0 to 1 (Smith, 2018).

    Args:
        progress: Share of the training that is over.
        warm_up: Share during which the rate rises.
    """
    if progress < warm_up:
        return 0.1 + 0.9 * progress / warm_up
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warm_up) / (1 - warm_up))))


class _RunningMean:
    """The mean of the weights of the last hundred steps or so, which paints more steadily than the last weights."""

    def __init__(self, network: TransformerNet) -> None:
        self.state = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self._steps = 0

    def add(self, network: TransformerNet) -> None:
        self._steps += 1
        memory = min(_MEMORY, self._steps / (self._steps + 10))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                self.state[name].lerp_(value, 1 - memory)


def _begin_loud_in_mean_colour(network: TransformerNet, styles: Sequence[Tensor]) -> None:
    last = network.deconv3.conv2d
    with torch.no_grad():
        last.weight *= _LOUDER
        if last.bias is not None:
            last.bias.copy_(255 * torch.stack([style.mean(dim=(0, 2, 3)) for style in styles]).mean(0).cpu())


def scale_style(picture: Picture, size_px: int) -> Picture:
    """Scale a style image so that the square root of its area is `size_px`, and no side too short to learn from."""
    height, width = picture.shape[:2]
    scale = max(size_px / math.sqrt(height * width), _SMALLEST_STYLE_PX / min(height, width))
    size = (max(_SMALLEST_STYLE_PX, round(width * scale)), max(_SMALLEST_STYLE_PX, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
