"""What the training of a style looked like, and what it can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from triptych.video.network.transformer import TransformerNet

if TYPE_CHECKING:
    import plotly.graph_objects as go

Picture = NDArray[np.uint8]
_HEIGHT_PX = 320
_GAP_PX = 8
_PAPER = 250


def paint(network: TransformerNet, picture: Picture) -> Picture:
    """Stylize one picture (H, W, 3) in float32; H and W become multiples of 4."""
    height, width = (length // 4 * 4 for length in picture.shape[:2])
    frames = torch.from_numpy(picture[:height, :width].astype(np.float32)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        painted = network(frames)[0].clamp(0, 255).round().to(torch.uint8)
    return np.ascontiguousarray(painted.permute(1, 2, 0).numpy())


def draw_preview(network: TransformerNet, style_image: Picture, photos: Sequence[Picture], count: int = 3) -> Picture:
    """Draw the style image, and beside it some photos above what the network makes of them."""
    chosen = [scale_to_height(photo, _HEIGHT_PX) for photo in photos[:count]]
    columns = [_stack(photo, paint(network, photo)) for photo in chosen]
    height = columns[0].shape[0]
    style = scale_to_height(style_image, _HEIGHT_PX)
    first = np.full((height, style.shape[1], 3), _PAPER, np.uint8)
    top = (height - style.shape[0]) // 2
    first[top : top + style.shape[0]] = style
    gap = np.full((height, _GAP_PX, 3), _PAPER, np.uint8)
    return np.concatenate([part for column in [first, *columns] for part in (gap, column)] + [gap], 1)


def stack_previews(sheets: Sequence[Picture]) -> Picture:
    """Put the previews of several styles under each other."""
    width = max(sheet.shape[1] for sheet in sheets)
    gap = np.full((2 * _GAP_PX, width, 3), _PAPER, np.uint8)
    rows = [np.pad(sheet, ((0, 0), (0, width - sheet.shape[1]), (0, 0)), constant_values=_PAPER) for sheet in sheets]
    return np.concatenate([part for row in rows for part in (gap, row)][1:])


def plot_log(log: pd.DataFrame) -> go.Figure:
    """Plot the losses over the steps; structure has an axis of its own."""
    import plotly.graph_objects as go  # only where a figure is drawn

    figure = go.Figure()
    figure.add_scatter(x=log["step"], y=log["texture"], name="texture")
    figure.add_scatter(x=log["step"], y=log["structure"], name="structure", yaxis="y2")
    figure.update_layout(
        title="Training of the style network",
        xaxis_title="step",
        yaxis={"title": "texture loss", "rangemode": "tozero"},
        yaxis2={"title": "structure loss", "overlaying": "y", "side": "right", "rangemode": "tozero"},
    )
    return figure


def _stack(above: Picture, below: Picture) -> Picture:
    width = min(above.shape[1], below.shape[1])
    gap = np.full((_GAP_PX, width, 3), _PAPER, np.uint8)
    return np.concatenate([above[:, :width], gap, below[:, :width]])


def scale_to_height(picture: Picture, height: int) -> Picture:
    """Scale a picture to a height; its width becomes a multiple of 4, 16 at the least."""
    width = max(16, round(picture.shape[1] * height / picture.shape[0]) // 4 * 4)
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
