"""Where the detector computes, how precisely, and with how many threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import cv2
import torch

from triptych import distributed
from triptych.parallel import count_threads


def choose_device() -> torch.device:
    """Choose this rank's GPU, or the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda", distributed.local_rank() % torch.cuda.device_count())
    return torch.device("cpu")


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Choose the type in which convolutions and matrix products are computed.

    Args:
        precision: `fp32`, `bf16`, `fp16`, or `auto`: bfloat16 where the device computes it, not merely emulates it,
            else float16 on a GPU (a T4, say).
        device: Where.
    """
    if precision == "auto":
        without = "fp16" if device.type == "cuda" else "fp32"
        precision = "bf16" if _has_bf16(device) else without
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """Compute in `dtype` what can be, and the rest in 32 bits."""
    if dtype == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype)


@contextmanager
def fast_kernels(device: torch.device) -> Iterator[None]:
    """Let a GPU multiply 32-bit numbers in TF32, and try its kernels for the few sizes that batches have.

    On a processor nothing changes.
    """
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.benchmark
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        cudnn.benchmark = True
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        cudnn.benchmark = before[1]


@contextmanager
def limited_threads() -> Iterator[int]:
    """Share the machine's cores among its ranks, and keep OpenCV from taking them as well.

    `OMP_NUM_THREADS` wins where it is set, except that torchrun's own 1 is no one's wish.

    Yields:
        Threads of this process.
    """
    before, before_cv2 = torch.get_num_threads(), cv2.getNumThreads()
    threads = count_threads()
    torch.set_num_threads(threads)
    cv2.setNumThreads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(before)
        cv2.setNumThreads(before_cv2)
