"""The style network of Johnson et al., "Perceptual losses for real-time style transfer and super-resolution" (2016).

Names and layout are those of the fast neural style example of pytorch/examples, so that its checkpoints load:
`conv1..3`, `res1..N`, `deconv1..3`, with instance normalisation in place of batch normalisation. Width and depth are
free and read off a checkpoint. Pixels are 0 to 255 on both sides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

_STATISTICS = re.compile(r"in\d+\.(running_mean|running_var|num_batches_tracked)$")
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


class ResidualBlock(nn.Module):
    """Two convolutions beside a way past them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvLayer(channels, channels, 3)
        self.in1 = nn.InstanceNorm2d(channels, affine=True)
        self.conv2 = ConvLayer(channels, channels, 3)
        self.in2 = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """Add the convolutions' part; the shape stays."""
        inner = functional.relu(self.in1(self.conv1(x)))
        return self.in2(self.conv2(inner)) + x  # type: ignore[no-any-return]


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
    """

    def __init__(self, width: int = 32, blocks: int = 5) -> None:
        super().__init__()
        self.width, self.blocks = width, blocks
        self.conv1 = ConvLayer(3, width, 9)
        self.in1 = nn.InstanceNorm2d(width, affine=True)
        self.conv2 = ConvLayer(width, 2 * width, 3, stride=2)
        self.in2 = nn.InstanceNorm2d(2 * width, affine=True)
        self.conv3 = ConvLayer(2 * width, 4 * width, 3, stride=2)
        self.in3 = nn.InstanceNorm2d(4 * width, affine=True)
        for number in range(1, blocks + 1):
            self.add_module(f"res{number}", ResidualBlock(4 * width))
        self.deconv1 = UpsampleConvLayer(4 * width, 2 * width, 3, upsample=2)
        self.in4 = nn.InstanceNorm2d(2 * width, affine=True)
        self.deconv2 = UpsampleConvLayer(2 * width, width, 3, upsample=2)
        self.in5 = nn.InstanceNorm2d(width, affine=True)
        self.deconv3 = ConvLayer(width, 3, 9)

    def forward(self, x: Tensor) -> Tensor:
        """Stylize.

        Args:
            x: (N, 3, H, W) RGB, 0 to 255, at least 16 pixels either way.

        Returns:
            RGB of the same shape, where H and W are multiples of 4 and rounded up to those otherwise; values may
            lie outside 0 to 255.
        """
        y = functional.relu(self.in1(self.conv1(x)))
        y = functional.relu(self.in2(self.conv2(y)))
        y = functional.relu(self.in3(self.conv3(y)))
        for number in range(1, self.blocks + 1):
            y = self.get_submodule(f"res{number}")(y)
        y = functional.relu(self.in4(self.deconv1(y)))
        y = functional.relu(self.in5(self.deconv2(y)))
        return self.deconv3(y)  # type: ignore[no-any-return]


def build_network(state: Mapping[str, Tensor]) -> TransformerNet:
    """Build the network that a state dict is of, with its weights, ready to stylize.

    Args:
        state: Weights by name, in any floating-point type; running statistics of old checkpoints are ignored.

    Raises:
        ValueError: If they are of no such network; the message says what is missing, odd or of another shape.
    """
    weights = {name: value.detach().float() for name, value in state.items() if not _STATISTICS.search(name)}
    first = weights.get("conv1.conv2d.weight")
    if first is None or first.ndim != 4 or tuple(first.shape[1:]) != (3, 9, 9):
        raise ValueError("not a style network: it has no conv1.conv2d.weight of shape (width, 3, 9, 9)")
    blocks = sum(re.fullmatch(r"res\d+\.conv1\.conv2d\.weight", name) is not None for name in weights)
    network = TransformerNet(first.shape[0], blocks)
    expected = network.state_dict()
    wrong = sorted(set(weights) ^ set(expected))
    wrong += [name for name in expected if name in weights and weights[name].shape != expected[name].shape]
    if wrong:
        raise ValueError(
            f"not a style network of width {network.width} with {blocks} blocks: look at {', '.join(wrong[:4])}"
        )
    if not all(torch.isfinite(value).all() for value in weights.values()):
        raise ValueError("its weights are not all finite numbers")
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False)


def load_style(path: Path) -> TransformerNet:
    """Load a checkpoint in the layout of pytorch/examples, ready to stylize.

    Raises:
        ValueError: If it is of no such network; the message names the file.
    """
    try:
        return build_network(torch.load(path, map_location="cpu", weights_only=True))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
