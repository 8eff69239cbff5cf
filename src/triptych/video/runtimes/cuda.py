"""The network on a GPU: half precision, channels last, and one CUDA graph a batch."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from triptych.video.runtimes.eager import Array, Engine, to_tensor
from triptych.video.runtimes.hardware import cuda_precision, find_gpu

_WARM_UP = 3


def build_cuda(module: nn.Module, examples: Sequence[Array], threads: int) -> Engine:
    """Put a module on this rank's GPU and record it for the shapes of the examples.

    Raises:
        RuntimeError: If there is no GPU.
    """
    del threads
    device = find_gpu()
    if device is None:
        raise RuntimeError("there is no GPU")
    half = cuda_precision()
    prepared = copy.deepcopy(module).eval().requires_grad_(False).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    inputs = [to_tensor(example).to(device) for example in examples]

    def compute() -> Sequence[Tensor]:
        # No cache of the converted weights: the graph would keep pointing to memory that autocast has freed.
        with torch.inference_mode(), torch.autocast("cuda", half, cache_enabled=False):
            found = prepared(*inputs)
        return [found] if isinstance(found, Tensor) else list(found)

    with torch.cuda.device(device):
        graph, outputs = _record(compute)

    def run(*arrays: Array) -> list[Array]:
        with torch.cuda.device(device):
            for static, array in zip(inputs, arrays, strict=True):
                static.copy_(to_tensor(array))
            graph.replay()
            return [output.cpu().numpy() for output in outputs]

    return run


def _record(compute: Any) -> tuple[Any, Sequence[Tensor]]:
    # Warmed up on a stream of its own, as recording asks for: libraries choose their kernels in these runs.
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP):
            compute()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = compute()
    return graph, outputs
