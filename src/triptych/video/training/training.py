"""Train a style network on photos, so that it paints any picture in the style of one.

Without downloads: a random network compares styles, and content is held by the luma alone, band by band, towards
luma whose histogram is partly that of the style. So light stays light and dark stays dark, coarse shapes are kept,
and the finest detail is left to the style.
"""

from __future__ import annotations

import logging
import math
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from triptych.video.network.transformer import TransformerNet, build_network
from triptych.video.params import StyleTrainingParams
from triptych.video.runtimes.hardware import find_gpu, has_bfloat16
from triptych.video.training.losses import PaletteLoss, StyleLoss, content_loss
from triptych.video.training.perceptual import Perceptual, choose_perceptual
from triptych.video.training.photos import CropMaker, read_photos, read_picture
from triptych.video.training.preview import draw_preview

Picture = NDArray[np.uint8]
_logger = logging.getLogger(__name__)
_LOGGED = 30  # lines of the log
_INPUT_NOISE = 0.08  # less would have flat places painted too, and their noise in a video flicker
_RANGE_WEIGHT = 5.0
_PALETTE_WEIGHT = 25.0
_CLIP_NORM = 10.0


def train_from_files(
    style_image: Path, photos: Path, training: StyleTrainingParams
) -> tuple[dict[str, Tensor], pd.DataFrame, Picture]:
    """Train a network from a picture and a folder of photos.

    Args:
        style_image: The picture.
        photos: Photos to learn on; where the folder holds none, those that come with scikit-learn and scikit-image.
        training: How.

    Returns:
        State dict, log, and a picture: the style, and photos before and after.
    """
    style, pictures = read_picture(style_image), read_photos(photos)
    state, log = train_style(style, pictures, training)
    return state, log, draw_preview(build_network(state), style, pictures)


def train_style(
    style_image: Picture, photos: list[Picture], training: StyleTrainingParams
) -> tuple[dict[str, Tensor], pd.DataFrame]:
    """Train a network to paint in the style of a picture.

    Args:
        style_image: (H, W, 3) RGB.
        photos: (H, W, 3) RGB each, of anything; larger than a crop is best.
        training: Size, steps and weights.

    Returns:
        State dict of the network on the CPU, and a log with the mean losses of every group of steps. The same
        arguments give the same weights on the same machine with as many threads, unless the time limit cuts in.

    Raises:
        ValueError: If there are no photos.
        FloatingPointError: If a loss is not finite.
    """
    if not photos:
        raise ValueError("no photos to train on")
    device = torch.device(find_gpu() or "cpu")
    with torch.random.fork_rng():
        torch.manual_seed(training.seed)
        network = TransformerNet(training.width, training.blocks)
        style = _to_tensor(_scale_to_width(style_image, training.style_width_px))
        _begin_with_mean_colour(network, style)
        crops = CropMaker(photos, style_image, training)
        log = _fit(network.to(device, memory_format=torch.channels_last), style.to(device), crops, training)  # type: ignore[call-overload]
    return {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}, log


def _fit(network: TransformerNet, style: Tensor, crops: CropMaker, training: StyleTrainingParams) -> pd.DataFrame:
    perceptual = choose_perceptual(training).to(style.device)
    objective = _Objective(perceptual, StyleLoss(perceptual, style), PaletteLoss(style), training.content_weight)
    optimizer = torch.optim.Adam(network.parameters(), training.learning_rate)
    log, start = _Log(training.steps), time.perf_counter()
    for step in range(training.steps):
        spent = (time.perf_counter() - start) / training.time_limit_s
        rate = training.learning_rate * one_cycle(max(step / training.steps, spent))
        for group in optimizer.param_groups:
            group["lr"] = rate
        with _half_precision(style.device):
            losses = objective(network, *(part.to(style.device) for part in crops.draw()))
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP_NORM)
        optimizer.step()
        last = step + 1 == training.steps or spent >= 1
        log.add(step + 1, losses, rate, last=last)
        if last:
            break
    return log.to_frame()


def one_cycle(progress: float, warm_up: float = 0.1) -> float:
    """Return the learning rate as a share of the highest, at a progress of 0 to 1 (Smith, 2018).

    Args:
        progress: Share of the training that is over.
        warm_up: Share during which the rate rises.
    """
    if progress < warm_up:
        return 0.1 + 0.9 * progress / warm_up
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warm_up) / (1 - warm_up))))


@dataclass(frozen=True)
class _Objective:
    perceptual: Perceptual
    style: StyleLoss
    palette: PaletteLoss
    content_weight: float

    def __call__(self, network: TransformerNet, photo: Tensor, kept_luma: Tensor) -> dict[str, Tensor]:
        noisy = photo + _INPUT_NOISE * torch.randn(photo.shape, device=photo.device)
        painted = network(noisy * 255).float() / 255
        losses = {
            "style": self.style(self.perceptual(painted.clamp(-0.2, 1.2))),
            "palette": self.palette(painted),
            "content": content_loss(painted, kept_luma),
            "range": (painted - painted.clamp(0, 1)).abs().mean(),
        }
        total = losses["style"] + _PALETTE_WEIGHT * losses["palette"]
        total = total + self.content_weight * losses["content"] + _RANGE_WEIGHT * losses["range"]
        return {"loss": total, **losses}


class _Log:
    """Gathers the losses of steps into lines."""

    def __init__(self, steps: int) -> None:
        self._every = max(1, steps // _LOGGED)
        self._group: list[dict[str, float]] = []
        self._lines: list[dict[str, float]] = []
        self._start = time.perf_counter()

    def add(self, step: int, losses: dict[str, Tensor], rate: float, *, last: bool) -> None:
        values = {name: float(value.detach()) for name, value in losses.items()}
        if not all(math.isfinite(value) for value in values.values()):
            raise FloatingPointError(f"a loss is not finite at step {step}: {values}; lower learning_rate")
        self._group.append(values)
        if last or step % self._every == 0:
            means = {name: float(np.mean([one[name] for one in self._group])) for name in values}
            line = {"step": step, **means, "learning_rate": rate, "seconds": time.perf_counter() - self._start}
            self._lines.append(line)
            self._group = []
            _logger.info("step %d: style %.3f, content %.4f", step, means["style"], means["content"])

    def to_frame(self) -> pd.DataFrame:
        return pd.DataFrame(self._lines)


def _half_precision(device: torch.device) -> AbstractContextManager[object]:
    # A quarter faster, and the styles look the same; Gram matrices stay in float32.
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" or has_bfloat16())


def _begin_with_mean_colour(network: TransformerNet, style: Tensor) -> None:
    bias = network.deconv3.conv2d.bias
    if bias is not None:
        with torch.no_grad():
            bias.copy_(255 * style.mean(dim=(0, 2, 3)))


def _scale_to_width(picture: Picture, width: int) -> Picture:
    height = round(picture.shape[0] * width / picture.shape[1])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _to_tensor(picture: Picture) -> Tensor:
    return torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None].contiguous()
