"""The network on a GPU: half precision, channels last, one CUDA graph a batch, and two batches at a time.

While one batch is computed, the next is copied to the card and the one before from it: each lane has a stream, a
recorded graph and memory of its own, pinned where the card reads and writes it by itself.
"""

from __future__ import annotations

import copy
import queue
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from triptych.video.network.normalisation import replace_norms
from triptych.video.runtimes.eager import Array, Engine, to_tensor
from triptych.video.runtimes.hardware import cuda_precision, find_gpu

__all__ = ["CUDA_LANES", "build_cuda", "prepare"]

CUDA_LANES = 2
_WARM_UP = 3
Compute = Callable[..., Sequence[Tensor]]


def build_cuda(module: nn.Module, examples: Sequence[Array], threads: int) -> Engine:
    """Put a module on this rank's GPU and record it for the shapes of the examples.

    The engine may be called from `CUDA_LANES` threads at once; others wait.

    Raises:
        RuntimeError: If there is no GPU.
    """
    del threads
    device = find_gpu()
    if device is None:
        raise RuntimeError("there is no GPU")
    half = cuda_precision()
    prepared = prepare(module).to(device)

    def compute(*inputs: Tensor) -> Sequence[Tensor]:
        # No cache of the converted weights: the graph would keep pointing to memory that autocast has freed.
        with torch.inference_mode(), torch.autocast("cuda", half, cache_enabled=False):
            found = prepared(*inputs)
        return [found] if isinstance(found, Tensor) else list(found)

    lanes: queue.SimpleQueue[_Lane] = queue.SimpleQueue()
    with torch.cuda.device(device):
        for _ in range(CUDA_LANES):
            lanes.put(_Lane(compute, [to_tensor(example) for example in examples], device))

    def run(*arrays: Array) -> list[Array]:
        lane = lanes.get()
        try:
            with torch.cuda.device(device):
                return lane.run(arrays)
        finally:
            lanes.put(lane)

    return run


def prepare(module: nn.Module) -> nn.Module:
    """Copy a module in the form that suits a GPU: channels last, and nothing in it that turns them around."""
    prepared = replace_norms(copy.deepcopy(module)).eval().requires_grad_(False)
    return prepared.to(memory_format=torch.channels_last)


class _Lane:
    """One batch at a time: a stream, a recorded graph, and what goes in and comes out of it on both sides.

    Args:
        compute: To be recorded.
        examples: Of its inputs.
        device: The card.
    """

    def __init__(self, compute: Compute, examples: Sequence[Tensor], device: str) -> None:
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._given = [example.pin_memory() for example in examples]
        self._inputs = [example.to(device) for example in examples]
        self._graph, self._outputs = self._record(compute)
        self._results = [torch.empty_like(output, device="cpu").pin_memory() for output in self._outputs]

    def _record(self, compute: Compute) -> tuple[torch.cuda.CUDAGraph, Sequence[Tensor]]:
        # Warmed up on a stream of its own, as recording asks for: libraries choose their kernels in these runs.
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            for _ in range(_WARM_UP):
                compute(*self._inputs)
        self._stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        # Other threads go on meanwhile, with batches of another size.
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            outputs = compute(*self._inputs)
        return graph, outputs

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Copy in, compute, copy out, and wait for it, which lets other threads go on."""
        for pinned, array in zip(self._given, arrays, strict=True):
            pinned.copy_(to_tensor(array))
        with torch.cuda.stream(self._stream):
            for static, pinned in zip(self._inputs, self._given, strict=True):
                static.copy_(pinned, non_blocking=True)
            self._graph.replay()
            for result, output in zip(self._results, self._outputs, strict=True):
                result.copy_(output, non_blocking=True)
        self._stream.synchronize()
        # Copied, as the next batch of this lane comes to the same place.
        return [result.numpy().copy() for result in self._results]
