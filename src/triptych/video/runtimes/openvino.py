"""The network in OpenVINO, in bfloat16 where the CPU has it.

Needs the extra `openvino`, but no compiler, and is set up in seconds. Every frame has one thread and several frames go
at a time: OpenVINO sums in another order with another number of threads, and the pixels must not depend on it.
"""

from __future__ import annotations

import queue
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from triptych.openvino_models import compile_model, convert_module
from triptych.video.runtimes.eager import Array, Engine, to_tensor

_TRACED = 32  # pixels


def build_openvino(module: nn.Module, examples: Sequence[Array], threads: int) -> Engine:
    """Convert a module for the shapes of the examples.

    The engine may be called from as many threads at once as it has; others wait.

    Raises:
        ImportError: If OpenVINO is not installed.
    """
    tensors = [to_tensor(example) for example in examples]
    # Traced on small frames, as tracing runs the network several times.
    small = [tensor[:, :_TRACED, :_TRACED] if tensor.ndim == 4 else tensor for tensor in tensors]
    model = convert_module(module, small, [tensor.shape for tensor in tensors])
    compiled = compile_model(model, threads, streams=threads)
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for _ in range(threads):
        requests.put(compiled.create_infer_request())

    def run(*inputs: Array) -> list[Array]:
        request = requests.get()
        try:
            found = request.infer([np.ascontiguousarray(array) for array in inputs], share_inputs=True)
            return [found[number] for number in range(len(compiled.outputs))]
        finally:
            requests.put(request)

    return run
