"""A detector whose convolutions run in OpenVINO: on processors that is quicker than PyTorch.

What is dense is replaced (backbone, proposal head, box head, mask head); what is not (anchors, suppression of overlaps,
pooling) stays torchvision's, with coordinates in 32 bits, as they are in PyTorch.
"""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from triptych.openvino_models import compile_model, convert_module
from triptych.shelf.model.files import LoadedDetector

Compile = Callable[[Any], Any]
_TRACED_PX = 128  # a side of what parts are traced with; the coarsest features have a few pixels still
_TRACED = 2  # photos, or regions


def accelerate(detector: LoadedDetector, threads: int, *, half: bool = True) -> LoadedDetector:
    """Give the same detector with its dense parts in OpenVINO, for photos of any size in batches of any number.

    Args:
        detector: On the processor; stays as it is.
        threads: How many it may take.
        half: Compute in bfloat16 where the processor has it.

    Raises:
        ImportError: If OpenVINO is not installed. Whatever it raises where it cannot run a part.
    """
    compiled = partial(compile_model, threads=threads, streams=1, half=half)
    model = copy.copy(detector.model)
    model._modules = dict(model._modules)
    with torch.inference_mode():
        images = torch.zeros(_TRACED, 3, _TRACED_PX, _TRACED_PX)
        features = detector.model.backbone(images)
    model.backbone = _Backbone(detector.model.backbone, images, list(features), compiled)
    model.rpn = _replace_parts(model.rpn, head=_ProposalHead(model.rpn.head, list(features.values()), compiled))
    heads, channels = model.roi_heads, detector.model.backbone.out_channels
    box_px, mask_px = (pool and pool.output_size[0] for pool in (heads.box_roi_pool, heads.mask_roi_pool))
    parts: dict[str, nn.Module] = {
        "box_head": nn.Identity(),
        "box_predictor": _Head([heads.box_head, heads.box_predictor], channels, box_px, compiled),
    }
    if heads.mask_roi_pool is not None:
        parts["mask_head"] = nn.Identity()
        parts["mask_predictor"] = _Head([heads.mask_head, heads.mask_predictor], channels, mask_px, compiled)
    model.roi_heads = _replace_parts(heads, **parts)
    return replace(detector, model=model)


def _replace_parts(module: Any, **parts: nn.Module) -> Any:
    """Copy a module with other parts in place of some; the rest is shared."""
    copied = copy.copy(module)
    copied._modules = {**module._modules, **parts}
    return copied


class _Compiled(nn.Module):
    """A part in OpenVINO.

    Args:
        part: What it is of.
        examples: Inputs to trace it with; their last two sides and the first may be of any length.
        compile_part: Compiles it once it is converted.
    """

    def __init__(self, part: nn.Module, examples: Sequence[Tensor], compile_part: Compile) -> None:
        super().__init__()
        shapes = [[-1, example.shape[1], *self.free_sides(example)] for example in examples]
        self._compiled = compile_part(convert_module(part, examples, shapes))
        self._requests = threading.local()  # one for each thread that asks
        self._count = len(self._compiled.outputs)

    def free_sides(self, example: Tensor) -> list[int]:
        """Say how long the last two sides may be."""
        return [-1] * (example.ndim - 2)

    def run(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Compute the part's outputs, in 32 bits; they are copies."""
        arrays = [np.ascontiguousarray(tensor.float().numpy()) for tensor in inputs]
        if not hasattr(self._requests, "own"):
            self._requests.own = self._compiled.create_infer_request()
        found = self._requests.own.infer(arrays, share_inputs=True)
        return [torch.from_numpy(np.array(found[number])) for number in range(self._count)]


class _Backbone(_Compiled):
    def __init__(self, backbone: Any, images: Tensor, names: list[str], compile_part: Compile) -> None:
        super().__init__(_Flat(backbone), [images], compile_part)
        self.out_channels, self._names = backbone.out_channels, names

    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        return OrderedDict(zip(self._names, self.run([images]), strict=True))


class _ProposalHead(_Compiled):
    def __init__(self, head: nn.Module, features: list[Tensor], compile_part: Compile) -> None:
        super().__init__(_Listed(head), features, compile_part)

    def forward(self, features: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        found = self.run(features)
        return found[: len(features)], found[len(features) :]


class _Head(_Compiled):
    """A head and its predictor; where nothing was pooled, PyTorch's own give their empty tensors."""

    def __init__(self, parts: list[nn.Module], channels: int, size: int, compile_part: Compile) -> None:
        super().__init__(nn.Sequential(*parts), [torch.zeros(_TRACED, channels, size, size)], compile_part)
        self._parts = nn.Sequential(*parts)

    def free_sides(self, example: Tensor) -> list[int]:
        return list(example.shape[2:])

    def forward(self, pooled: Tensor) -> Tensor | tuple[Tensor, ...]:
        if not len(pooled):
            empty: Tensor | tuple[Tensor, ...] = self._parts(pooled)
            return empty
        found = self.run([pooled])
        return found[0] if len(found) == 1 else tuple(found)


class _Flat(nn.Module):
    """Gives features as a tuple."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.backbone(images).values())


class _Listed(nn.Module):
    """Takes features one by one, and gives scores and then movements."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, *features: Tensor) -> tuple[Tensor, ...]:
        scores, movements = self.head(list(features))
        return (*scores, *movements)
