"""Networks of PyTorch's in OpenVINO: converted, compiled, and written as files.

OpenVINO is in the extra `openvino`; nothing here imports it before it is asked for.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from triptych.log_levels import errors_only

_TELEMETRY = "openvino_telemetry"


def has_openvino() -> bool:
    """Tell whether OpenVINO is installed, without importing it."""
    return importlib.util.find_spec("openvino") is not None


def convert_module(module: nn.Module, examples: Sequence[torch.Tensor], shapes: Sequence[Sequence[int]]) -> Any:
    """Trace a module and convert it, as `openvino.convert_model` does, which would report it to OpenVINO's makers.

    Args:
        module: In evaluation mode.
        examples: Its inputs; small ones, as tracing runs the module several times.
        shapes: Of the inputs to come; -1 for a side of any length.

    Raises:
        ImportError: If OpenVINO is not installed.
    """
    import_openvino()
    from openvino.frontend import FrontEndManager  # type: ignore[import-untyped]
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # type: ignore[import-untyped]

    with _quiet(), torch.inference_mode():
        frontend = FrontEndManager().load_by_framework("pytorch")
        # The decoder must outlive the conversion, and holds no memory with the model afterwards.
        decoder = TorchScriptPythonDecoder(module, example_input=tuple(examples), shared_memory=False)
        model = frontend.convert(frontend.load(decoder))
    model.reshape({number: list(shape) for number, shape in enumerate(shapes)})
    return model


def compile_model(model: Any, threads: int, streams: int, *, half: bool = True) -> Any:
    """Compile a converted model for the processor.

    Args:
        model: What `convert_module` gave.
        threads: How many it may take.
        streams: How many calls may be under way at once; they share the threads.
        half: Compute in bfloat16 where the processor has it.
    """
    with kept_signal_stack():
        core = import_openvino().Core()
        half = half and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        settings = {
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
            # Pinned, the ranks of a machine would all sit on its first cores.
            "ENABLE_CPU_PINNING": False,
        }
        return core.compile_model(model, "CPU", settings)


def import_openvino() -> Any:
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
