"""The style network of Johnson et al., "Perceptual losses for real-time style transfer and super-resolution" (2016).

Names and layout are those of the fast neural style example of pytorch/examples, so that its checkpoints load:
`conv1..3`, `res1..N`, `deconv1..3`, with instance normalisation in place of batch normalisation. Width and depth are
free and read off a checkpoint. Pixels are 0 to 255 on both sides.

One network may hold several styles, which share all convolutions and differ in what comes after normalisation
(Dumoulin et al., "A learned representation for artistic style", 2017). Its checkpoint has weight and bias of every
normalisation as (styles, channels), and the names of the styles as a list under `styles`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from triptych.video.network.checkpoints import read_weights
from triptych.video.network.names import NAMES

_WRAPPER = re.compile(r"^(module\.|_orig_mod\.)+")  # of nn.DataParallel and torch.compile
_STATISTICS = re.compile(r"in\d+\.(running_mean|running_var|num_batches_tracked)$")
_NORMS = re.compile(r"(^|\.)in\d+\.(weight|bias)$")
EPSILON = 1e-5


class ConvLayer(nn.Module):
    """A convolution whose border is a reflection, which leaves no frame around the picture."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.reflection_pad = nn.ReflectionPad2d(kernel // 2)
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve; (N, inputs, H, W) to (N, outputs, H / stride, W / stride), rounded up."""
        return self.conv2d(self.reflection_pad(x))  # type: ignore[no-any-return]


class StyleNorm(nn.InstanceNorm2d):
    """Instance normalisation, with a scale and a shift for each style.

    Args:
        channels: Of what is normalised.
        styles: How many there are; weight and bias are (channels,) of one, (styles, channels) of several.
    """

    def __init__(self, channels: int, styles: int = 1) -> None:
        super().__init__(channels, eps=EPSILON, affine=True)
        if styles > 1:
            self.weight = nn.Parameter(torch.ones(styles, channels))
            self.bias = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, x: Tensor, shares: Tensor | None = None) -> Tensor:
        """Normalise (N, C, H, W), by `shares` (N or 1, styles) where there are several."""
        if shares is None or self.weight.ndim == 1:
            return super().forward(x)
        scale, shift = self.mix(shares)
        return functional.instance_norm(x, eps=EPSILON) * scale[:, :, None, None] + shift[:, :, None, None]

    def mix(self, shares: Tensor | None) -> tuple[Tensor, Tensor]:
        """Give the scale and shift, (C,) each of one style, (N, C) of a mix of several."""
        if shares is None or self.weight.ndim == 1:
            return self.weight, self.bias
        # No product of matrices, which would be done in half precision on most devices: a fade would go in steps.
        scale, shift = ((shares[:, :, None] * each).sum(1) for each in (self.weight, self.bias))
        return scale, shift


class ResidualBlock(nn.Module):
    """Two convolutions beside a way past them."""

    def __init__(self, channels: int, styles: int = 1) -> None:
        super().__init__()
        self.conv1 = ConvLayer(channels, channels, 3)
        self.in1 = StyleNorm(channels, styles)
        self.conv2 = ConvLayer(channels, channels, 3)
        self.in2 = StyleNorm(channels, styles)

    def forward(self, x: Tensor, shares: Tensor | None = None) -> Tensor:
        """Add the convolutions' part; the shape stays."""
        inner = functional.relu(self.in1(self.conv1(x), shares))
        return self.in2(self.conv2(inner), shares) + x  # type: ignore[no-any-return]


class UpsampleConvLayer(nn.Module):
    """Nearest-neighbour upsampling before a convolution: no checkerboard, unlike a transposed convolution."""

    def __init__(self, inputs: int, outputs: int, kernel: int, upsample: int) -> None:
        super().__init__()
        self.upsample = upsample
        self.reflection_pad = nn.ReflectionPad2d(kernel // 2)
        self.conv2d = nn.Conv2d(inputs, outputs, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """Upsample and convolve; (N, inputs, H, W) to (N, outputs, H * upsample, W * upsample)."""
        larger = functional.interpolate(x, scale_factor=self.upsample, mode="nearest")
        return self.conv2d(self.reflection_pad(larger))  # type: ignore[no-any-return]


class TransformerNet(nn.Module):
    """The network that paints a picture in its style.

    Args:
        width: Channels after the first convolution, 32 in the paper.
        blocks: Residual blocks, 5 in the paper.
        styles: How many it paints in.
        names: Of the styles; none of a checkpoint with a single style.
    """

    def __init__(self, width: int = 32, blocks: int = 5, styles: int = 1, names: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.width, self.blocks, self.styles, self.names = width, blocks, styles, names
        self.conv1 = ConvLayer(3, width, 9)
        self.in1 = StyleNorm(width, styles)
        self.conv2 = ConvLayer(width, 2 * width, 3, stride=2)
        self.in2 = StyleNorm(2 * width, styles)
        self.conv3 = ConvLayer(2 * width, 4 * width, 3, stride=2)
        self.in3 = StyleNorm(4 * width, styles)
        for number in range(1, blocks + 1):
            self.add_module(f"res{number}", ResidualBlock(4 * width, styles))
        self.deconv1 = UpsampleConvLayer(4 * width, 2 * width, 3, upsample=2)
        self.in4 = StyleNorm(2 * width, styles)
        self.deconv2 = UpsampleConvLayer(2 * width, width, 3, upsample=2)
        self.in5 = StyleNorm(width, styles)
        self.deconv3 = ConvLayer(width, 3, 9)

    def forward(self, x: Tensor, shares: Tensor | None = None) -> Tensor:
        """Stylize.

        Args:
            x: (N, 3, H, W) RGB, 0 to 255, at least 16 pixels either way.
            shares: Of each style, (N or 1, styles), which add up to 1; needed where there are several.

        Returns:
            RGB of the same shape, where H and W are multiples of 4 and rounded up to those otherwise; values may
            lie outside 0 to 255.
        """
        y = functional.relu(self.in1(self.conv1(x), shares))
        y = functional.relu(self.in2(self.conv2(y), shares))
        y = functional.relu(self.in3(self.conv3(y), shares))
        for number in range(1, self.blocks + 1):
            y = self.get_submodule(f"res{number}")(y, shares)
        y = functional.relu(self.in4(self.deconv1(y), shares))
        y = functional.relu(self.in5(self.deconv2(y), shares))
        return self.deconv3(y)  # type: ignore[no-any-return]

    def extract(self, style: int) -> TransformerNet:
        """Give the network of one style alone, ready to stylize."""
        if self.styles == 1:
            return self
        state = self.state_dict().items()
        single = TransformerNet(self.width, self.blocks)
        single.load_state_dict({name: value[style] if _NORMS.search(name) else value for name, value in state})
        return single.eval().requires_grad_(False)


def build_network(state: Mapping[str, Any]) -> TransformerNet:
    """Build the network that a state dict is of, with its weights, ready to stylize.

    Args:
        state: Weights by name, in any floating-point type, and `styles`, the names of several styles; running
            statistics of old checkpoints are ignored, and what DataParallel and torch.compile put before names.

    Raises:
        ValueError: If they are of no such network; the message says what is missing, odd or of another shape.
    """
    named = {_WRAPPER.sub("", name): value for name, value in state.items()}
    given = {name: value for name, value in named.items() if name != NAMES and not _STATISTICS.search(name)}
    if other := sorted(name for name, value in given.items() if not isinstance(value, Tensor)):
        raise ValueError(f"not a style network: {', '.join(other[:4])} are no weights; save its state_dict() alone")
    weights = {name: value.detach().float() for name, value in given.items()}
    first = weights.get("conv1.conv2d.weight")
    if first is None or first.ndim != 4 or tuple(first.shape[1:]) != (3, 9, 9):
        raise ValueError("not a style network: it has no conv1.conv2d.weight of shape (width, 3, 9, 9)")
    names = _check_names(state.get(NAMES, ()), weights.get("in1.weight"))
    if len(names) == 1:
        weights = {name: value[0] if _NORMS.search(name) else value for name, value in weights.items()}
    blocks = sum(re.fullmatch(r"res\d+\.conv1\.conv2d\.weight", name) is not None for name in weights)
    network = TransformerNet(first.shape[0], blocks, max(1, len(names)), names)
    _check_weights(network, weights)
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


def _check_names(names: Any, norm: Tensor | None) -> tuple[str, ...]:
    """Give the names of styles, none where there is one without."""
    found = tuple(str(name) for name in names) if isinstance(names, (list, tuple)) else (str(names),)
    rows = norm.shape[0] if norm is not None and norm.ndim == 2 else 0
    if len(found) != rows or len(set(found)) != rows:
        raise ValueError(f"not a style network: it has weights of {rows} named styles, and names {list(found)}")
    return found


def _check_weights(network: TransformerNet, weights: Mapping[str, Tensor]) -> None:
    expected = network.state_dict()
    wrong = sorted(set(weights) ^ set(expected))
    wrong += [name for name in expected if name in weights and weights[name].shape != expected[name].shape]
    if wrong:
        raise ValueError(
            f"not a style network of width {network.width} with {network.blocks} blocks: look at {', '.join(wrong[:4])}"
        )
    if not all(torch.isfinite(value).all() for value in weights.values()):
        raise ValueError("its weights are not all finite numbers")


def name_styles(state: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Any]:
    """Give the checkpoint of a network with named styles.

    Args:
        state: Its state dict.
        names: Of its styles, in order; of a single one the normalisations get a first dimension of 1.
    """
    named = dict(state)
    if len(names) == 1:
        named = {name: value[None] if _NORMS.search(name) else value for name, value in state.items()}
    return {NAMES: list(names), **named}


def load_style(path: Path) -> TransformerNet:
    """Load a checkpoint in the layout of pytorch/examples, or with several styles, ready to stylize.

    Raises:
        ValueError: If it is of no such network; the message names the file.
    """
    try:
        return build_network(read_weights(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
