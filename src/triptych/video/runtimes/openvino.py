"""The network in OpenVINO, in bfloat16 where the CPU has it.

Needs the extra `openvino`, but no compiler, and is set up in seconds. Every frame has one thread and several frames go
at a time: OpenVINO sums in another order with another number of threads, and the pixels must not depend on it.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import queue
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from triptych.log_levels import errors_only
from triptych.video.runtimes.eager import Array, Engine, to_tensor

_TELEMETRY = "openvino_telemetry"
_TRACED = 32  # pixels


def has_openvino() -> bool:
    """Tell whether OpenVINO is installed, without importing it."""
    return importlib.util.find_spec("openvino") is not None


def build_openvino(module: nn.Module, examples: Sequence[Array], threads: int) -> Engine:
    """Convert a module for the shapes of the examples.

    The engine may be called from as many threads at once as it has; others wait.

    Raises:
        ImportError: If OpenVINO is not installed.
    """
    ov = _import_openvino()
    tensors = tuple(to_tensor(example) for example in examples)
    model = _convert(module, tensors)
    with kept_signal_stack():
        compiled = _compile(ov.Core(), model, threads)
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


def _compile(core: Any, model: Any, threads: int) -> Any:
    half = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    settings = {
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
        # Pinned, the ranks of a machine would all sit on its first cores.
        "ENABLE_CPU_PINNING": False,
    }
    return core.compile_model(model, "CPU", settings)


def _convert(module: nn.Module, examples: tuple[torch.Tensor, ...]) -> Any:
    """Do what `openvino.convert_model` does, which would report it to OpenVINO's makers."""
    from openvino.frontend import FrontEndManager  # type: ignore[import-untyped]
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # type: ignore[import-untyped]

    # Traced on small frames, as tracing runs the network several times; the true size is set afterwards.
    small = tuple(example[:, :_TRACED, :_TRACED] if example.ndim == 4 else example for example in examples)
    with _quiet(), torch.inference_mode():
        frontend = FrontEndManager().load_by_framework("pytorch")
        # The decoder must outlive the conversion, and holds no memory with the model afterwards.
        decoder = TorchScriptPythonDecoder(module, example_input=small, shared_memory=False)
        model = frontend.convert(frontend.load(decoder))
    model.reshape({number: list(example.shape) for number, example in enumerate(examples)})
    return model


def _import_openvino() -> Any:
    """Import OpenVINO without the package that reports each import and conversion to its makers."""
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    missing = object()
    before = sys.modules.get(_TELEMETRY, missing)
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # an import of it fails, and OpenVINO takes its stub
    try:
        with _quiet():
            import openvino  # type: ignore[import-untyped]
    finally:
        if before is missing:
            del sys.modules[_TELEMETRY]
        else:
            sys.modules[_TELEMETRY] = before  # type: ignore[assignment]
    return openvino


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what tracing says about constants, which is meant: the shapes are fixed."""
    with errors_only("openvino"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Stack(ctypes.Structure):
    """`stack_t` of Linux, see sigaltstack(2)."""

    _fields_ = (("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextlib.contextmanager
def kept_signal_stack() -> Iterator[None]:
    """Put this thread's signal stack back at the end of the block.

    OpenVINO's CPU plugin installs one of its own, and at its end puts back the one it found: that of another plugin,
    which may have gone before it. The next signal with a handler of Python's, such as PyTorch's for child processes
    that end, then kills the process (SIGSEGV).
    """
    if sys.platform != "linux":
        yield
        return
    library, before = ctypes.CDLL(None, use_errno=True), _Stack()
    library.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        library.sigaltstack(ctypes.byref(before), None)
