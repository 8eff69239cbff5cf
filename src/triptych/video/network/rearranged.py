"""The style network rearranged for speed; apart from the order of additions it computes the same.

On a CPU with bfloat16 the convolutions are all that counts, and two of them do more than they have to:

- A nearest-neighbour upsampling followed by a 3x3 convolution reads each pixel up to four times. A transposed
  convolution of stride 2 with a 4x4 kernel (the 3x3 one smeared over 2x2 pixels) gives the same with 4 instead of 9
  multiplications a value.
- The last 9x9 convolution has 3 outputs, where vector units work on 16. A convolution of stride 2 with a 10x10 kernel
  gives the 2x2 pixels of a cell at once, as 12 outputs.

Normalisation can be given its statistics from outside, which is what lets tiles of a frame be stylized alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from triptych.video.network.normalisation import normalise
from triptych.video.network.transformer import ConvLayer, TransformerNet, UpsampleConvLayer

CELL = 2


class TransposedLayer(nn.Module):
    """An upsampling by 2 and the 3x3 convolution after it, in one."""

    def __init__(self, layer: UpsampleConvLayer) -> None:
        super().__init__()
        if layer.upsample != 2 or layer.conv2d.kernel_size != (3, 3):
            raise ValueError("only upsampling by 2 before a 3x3 convolution can be rearranged")
        weight = layer.conv2d.weight.detach().transpose(0, 1).flip(2, 3)
        shifted = [functional.pad(weight, (b, 1 - b, a, 1 - a)) for a in (0, 1) for b in (0, 1)]
        smeared = torch.stack(shifted).sum(0)
        self.weight, self.bias = _frozen(smeared), _frozen(_bias(layer))

    def forward(self, x: Tensor) -> Tensor:
        """Upsample and convolve; (N, inputs, H, W) to (N, outputs, 2 H, 2 W)."""
        # A reflection by one pixel after the upsampling is a repetition of the edge before it.
        padded = functional.pad(x, (1, 1, 1, 1), mode="replicate")
        return functional.conv_transpose2d(padded, self.weight, self.bias, stride=2, padding=3)


class CellLayer(nn.Module):
    """A convolution that gives the 2x2 pixels of a cell as channels."""

    def __init__(self, layer: ConvLayer) -> None:
        super().__init__()
        weight = layer.conv2d.weight.detach()
        shifted = [functional.pad(weight, (b, 1 - b, a, 1 - a)) for a in (0, 1) for b in (0, 1)]
        self.pad = layer.conv2d.kernel_size[0] // 2
        self.weight, self.bias = _frozen(torch.cat(shifted)), _frozen(torch.cat([_bias(layer)] * CELL**2))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve; (N, inputs, H, W) to (N, 4 * outputs, H / 2, W / 2)."""
        padded = functional.pad(x, (self.pad,) * 4, mode="reflect")
        return functional.conv2d(padded, self.weight, self.bias, stride=CELL)


class FastNetwork(nn.Module):
    """A style network, rearranged.

    Args:
        network: The one to rearrange; it stays as it is.
    """

    def __init__(self, network: TransformerNet) -> None:
        super().__init__()
        self.width, self.blocks, self.styles = network.width, network.blocks, network.styles
        residual: list[Any] = [network.get_submodule(f"res{number}") for number in range(1, network.blocks + 1)]
        down: list[nn.Module] = [network.conv1, network.conv2, network.conv3]
        inner: list[nn.Module] = [layer for block in residual for layer in (block.conv1, block.conv2)]
        up = [TransposedLayer(network.deconv1), TransposedLayer(network.deconv2)]
        norms = [network.in1, network.in2, network.in3]
        norms += [norm for block in residual for norm in (block.in1, block.in2)]
        norms += [network.in4, network.in5]
        self.layers = nn.ModuleList([*down, *inner, *up])
        self.norms = nn.ModuleList(norms)
        self.last = CellLayer(network.deconv3)
        self.channels = [norm.num_features for norm in norms]

    @property
    def statistics_size(self) -> int:
        """Numbers that `statistics` gives of a frame: mean and variance of every normalised channel."""
        return 2 * sum(self.channels)

    def forward(self, x: Tensor, shares: Tensor | None = None, statistics: Tensor | None = None) -> Tensor:
        """Stylize.

        Args:
            x: (N, 3, H, W) RGB, 0 to 255; H and W are multiples of 4 from 16 on.
            shares: (N, styles), where there are several.
            statistics: (N, statistics_size), where they are not to be taken from `x`.

        Returns:
            (N, 12, H / 2, W / 2): the 2x2 pixels of each cell, row by row, RGB each.
        """
        return self.last(self._run(x, shares, statistics, None))  # type: ignore[no-any-return]

    def statistics(self, x: Tensor, shares: Tensor | None = None) -> Tensor:
        """Compute what normalisation takes from a frame: (N, statistics_size)."""
        found: list[Tensor] = []
        self._run(x, shares, None, found)
        return torch.cat(found, 1)

    def _run(self, x: Tensor, shares: Tensor | None, statistics: Tensor | None, found: list[Tensor] | None) -> Tensor:
        given = None if statistics is None else torch.split(statistics, [2 * size for size in self.channels], 1)
        first, last = 3, 3 + 2 * self.blocks
        kept = x
        norms: Any = self.norms
        for number, (layer, norm) in enumerate(zip(self.layers, norms, strict=True)):
            y = layer(x)
            if found is not None:
                variance, mean = torch.var_mean(y.float(), (2, 3), correction=0)
                found += [mean, variance]
            y = norm(y, shares) if given is None else normalise(y, *norm.mix(shares), *given[number].chunk(2, 1))
            if first <= number < last and (number - first) % 2:
                x = kept = y + kept
            else:
                x = functional.relu(y)
                kept = x if number == first - 1 else kept
        return x


def _bias(layer: ConvLayer | UpsampleConvLayer) -> Tensor:
    bias = layer.conv2d.bias
    if bias is None:
        raise ValueError("layers of a style network have a bias")
    return bias


def _frozen(value: Tensor) -> nn.Parameter:
    return nn.Parameter(value.detach().clone(), requires_grad=False)
