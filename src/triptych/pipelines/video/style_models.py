"""Style networks as files."""

from __future__ import annotations

from pathlib import Path

import torch

from triptych.pipelines.video.style_networks import TransformerNet, build_network


def load_style(path: Path) -> TransformerNet:
    """Load a checkpoint in the layout of pytorch/examples, ready to stylize.

    Raises:
        ValueError: If it is of no such network; the message names the file.
    """
    try:
        return build_network(torch.load(path, map_location="cpu", weights_only=True))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
