"""Small style networks and pictures for the tests of what runs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from triptych.video.media.conversion import Conversion, plan_conversion
from triptych.video.media.info import ColourTags, VideoInfo
from triptych.video.network.transformer import StyleNorm, TransformerNet, name_styles
from triptych.video.params import EncodingParams


def make_network(seed: int, width: int = 4, blocks: int = 1, styles: int = 1) -> TransformerNet:
    """Make a network whose pictures are in range and vary: an untrained one gives little but black."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = TransformerNet(width, blocks, styles).eval().requires_grad_(False)
        network.deconv3.conv2d.weight *= 30
        assert network.deconv3.conv2d.bias is not None
        network.deconv3.conv2d.bias.fill_(128)
        if styles > 1:
            for norm in (module for module in network.modules() if isinstance(module, StyleNorm)):
                norm.weight.add_(torch.randn_like(norm.weight), alpha=0.5)
                norm.bias.add_(torch.randn_like(norm.bias), alpha=0.5)
    return network


def pick_style(network: TransformerNet, shares: Sequence[float]) -> TransformerNet:
    """Make a network with a single style of one with several: the weights of each in proportion to its share."""
    single = TransformerNet(network.width, network.blocks).eval().requires_grad_(False)
    parts = torch.tensor(shares)[:, None]
    state = network.state_dict()
    single.load_state_dict(
        {name: (value * parts).sum(0) if value.ndim == 2 else value for name, value in state.items()}
    )
    return single


def save_style(folder: Path, seed: int) -> Path:
    path = folder / f"style{seed}.pth"
    torch.save(make_network(seed).state_dict(), path)
    return path


def save_styles(folder: Path, seed: int, names: Sequence[str]) -> Path:
    """Save a network that paints in several styles."""
    path = folder / f"painters{seed}.pth"
    torch.save(name_styles(make_network(seed, styles=len(names)).state_dict(), names), path)
    return path


def make_conversion(
    height: int,
    width: int,
    pixel_format: str = "yuv420p",
    colours: ColourTags | None = None,
    codec: str = "h264",
    bit_depth: Any = 8,
    target_codec: Any = "h264",
) -> Conversion:
    """Plan the conversion of a video of which nothing else is known."""
    values: dict[str, Any] = {field.name: None for field in fields(VideoInfo)}
    info = VideoInfo(
        **values
        | {"height": height, "width": width, "pixel_format": pixel_format, "codec": codec}
        | {"colours": colours or ColourTags(), "bit_depth": 10 if "10" in pixel_format else 8}
    )
    return plan_conversion(info, EncodingParams(bit_depth=bit_depth, codec=target_codec))


def make_frames(count: int, height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Draw soft blobs of colour with a little noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float64)
    frames = []
    for _ in range(count):
        waves = [np.sin(x / random.uniform(5, 20) + y / random.uniform(5, 20) + random.uniform(0, 6)) for _ in range(3)]
        frames.append(127 + 100 * np.stack(waves, -1) + random.normal(0, 8, (height, width, 3)))
    return np.stack(frames).clip(0, 255).astype(np.uint8)
