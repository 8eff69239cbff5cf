"""What the machine offers to run a network on."""

from __future__ import annotations

import platform
from contextlib import AbstractContextManager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.distributed import local_rank
from triptych.parallel import count_cores

if TYPE_CHECKING:
    import torch

_BYTES_A_PIXEL = 16  # of memory, for each channel of the first layer: what the widest layers hold at once


def has_bfloat16() -> bool:
    """Tell whether the CPU computes in bfloat16, rather than torch imitating it."""
    import torch

    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in checks)


def half_precision(device: torch.device) -> AbstractContextManager[object]:
    """Compute in bfloat16 where the device does so quickly: a quarter faster, and styles look the same."""
    import torch

    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" or has_bfloat16())


def find_gpu() -> str | None:
    """Give the torch device of this rank's GPU, if there is one."""
    import torch

    return f"cuda:{local_rank() % torch.cuda.device_count()}" if torch.cuda.is_available() else None


def fit_batch(memory: int, pixels: int, width: int) -> int:
    """Give the number of frames that fit into so many bytes, 1 at least.

    Args:
        memory: Bytes.
        pixels: Of a frame.
        width: Channels of the networks' first layers, together.
    """
    return max(1, memory // (pixels * width * _BYTES_A_PIXEL))


def free_memory() -> int:
    """Give the bytes of memory that are free, or 4 GiB where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, StopIteration):
        return 4 * 2**30


def free_gpu_memory() -> int:
    """Give the bytes that are free on this rank's GPU."""
    import torch

    return int(torch.cuda.mem_get_info(find_gpu())[0])


def describe_machine() -> str:
    """Describe processor and GPU in a line, as figures of speed are worth nothing without."""
    text = f"{_read_cpu_name()}, {count_cores()} cores"
    gpu = find_gpu()
    if gpu:
        import torch

        text += f", {torch.cuda.get_device_name(gpu)}"
    return text


def list_versions() -> dict[str, str]:
    """Give the versions of the packages on which pixels depend."""
    return {name: _find_version(name) for name in ("torch", "openvino", "av", "imageio-ffmpeg")}


def describe_engine(runtime: str) -> dict[str, str]:
    """Describe what computes and encodes frames: what its pixels and bytes depend on.

    Args:
        runtime: Its name; `auto` is none.
    """
    precision = "float32"
    if runtime == "cuda":
        precision = str(cuda_precision()).removeprefix("torch.")
    elif runtime in ("compile", "openvino") and has_bfloat16():
        precision = "bfloat16"
    library = "openvino" if runtime == "openvino" else "torch"
    used = {name: found for name, found in list_versions().items() if name in (library, "av", "imageio-ffmpeg")}
    return {"runtime": runtime, "precision": precision, **used}


def cuda_precision() -> Any:
    """Give the type in which the network computes on a GPU."""
    import torch

    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def _find_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _read_cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine() or "unknown processor")
