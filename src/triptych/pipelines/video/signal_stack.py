"""The stack that a thread's signal handlers run on, kept from libraries that put their own there."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator


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
