"""What runs a module of torch on arrays."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[Any]
Engine = Callable[..., list[Array]]
"""Called with the module's inputs as arrays, gives its outputs; what it gives stays when it is called again."""
Build = Callable[[nn.Module, Sequence[Array], int], Engine]
"""Makes an engine of a module, examples of its inputs (of the shapes to come) and a number of threads."""


def build_eager(module: nn.Module, examples: Sequence[Array], threads: int) -> Engine:
    """Run a module as it is, in float32 on the CPU."""
    del examples
    return from_torch(module, threads)


def from_torch(module: Callable[..., Any], threads: int) -> Engine:
    """Give arrays to what takes tensors."""

    def run(*inputs: Array) -> list[Array]:
        with limited_threads(threads), torch.inference_mode():
            return to_arrays(module(*map(to_tensor, inputs)))

    return run


@contextlib.contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Let torch take so many threads for what this thread does; what comes after has those it had before."""
    before = torch.get_num_threads()
    if before == threads:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def to_tensor(array: Array) -> Tensor:
    """Share an array's memory, or copy it where torch cannot."""
    writable = array.flags.writeable and array.flags.c_contiguous
    return torch.from_numpy(array if writable else np.array(array))


def to_arrays(outputs: Tensor | Sequence[Tensor]) -> list[Array]:
    """Give a module's outputs as arrays."""
    several = [outputs] if isinstance(outputs, Tensor) else outputs
    return [np.ascontiguousarray(output.numpy()) for output in several]
