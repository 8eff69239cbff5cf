"""Look whether files open, in a process of its own, which is all that poison can crash, hang or fill."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from triptych.errors import InputError
from triptych.watcher import checker_process
from triptych.watcher.kinds import Kind

__all__ = ["FileChecker", "check_file"]

_START_S = 300.0
_COMMAND = (sys.executable, "-m", checker_process.__name__)


class FileChecker:
    """Checks files one after the other; its process starts with the first, and anew after one that it did not survive.

    Args:
        timeout_s: How long one file may take.
        max_memory_mb: How much memory it may take, of the process in all.
    """

    def __init__(self, timeout_s: float = 120.0, max_memory_mb: float = 4000.0) -> None:
        self._timeout_s, self._max_memory_mb = timeout_s, max_memory_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._answers = b""
        self._lock = threading.Lock()

    def find_fault(self, kind: Kind, path: Path) -> str:
        """Say why a file cannot be used; nothing if it can.

        Args:
            kind: What it is to be.
            path: The file.

        Raises:
            OSError: If the machine is at fault.
        """
        with self._lock:
            answer = self._ask(kind, path)
        if "machine" in answer:
            raise OSError(answer["machine"])
        return answer["fault"]

    def close(self) -> None:
        """End the process."""
        process, self._process, self._answers = self._process, None, b""
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):  # what it was not told any more
                    pipe.close()

    def _ask(self, kind: Kind, path: Path) -> dict[str, str]:
        request = json.dumps([kind.name, str(path)]).encode() + b"\n"
        process = self._process
        if process is None or not self._hand_over(process, request):  # killed while it had nothing to do
            self.close()
            process = self._start()
            if not self._hand_over(process, request):
                self.close()
                raise OSError("the process that looks at files cannot be started; its own error is above")
        try:
            answer: dict[str, str] = json.loads(self._read(process, self._timeout_s))
        except TimeoutError:
            self.close()
            return {"fault": f"it could not be looked at within {self._timeout_s:g} s"}
        except EOFError:
            code = process.wait()
            self.close()
            return {"fault": self._explain(code)}
        return answer

    def _hand_over(self, process: subprocess.Popen[bytes], request: bytes) -> bool:
        """Tell the process what to look at; False if it does not listen."""
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            process.stdin.write(request)
            process.stdin.flush()
            self._read(process, _START_S)  # once what reads this kind is imported
        except (EOFError, TimeoutError, BrokenPipeError):
            return False
        return True

    def _start(self) -> subprocess.Popen[bytes]:
        # One thread: with many, their stacks and buffers alone would be more than the limit.
        single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [*_COMMAND, f"{self._max_memory_mb:g}", f"{self._timeout_s:g}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **single},
            start_new_session=True,  # what the terminal sends is for the watcher, which ends this one
        )
        return self._process

    def _read(self, process: subprocess.Popen[bytes], timeout_s: float) -> bytes:
        """Read a line of an answer.

        Raises:
            EOFError: If the process has ended.
            TimeoutError: If none came in time.
        """
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        end = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._answers:
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise TimeoutError
                part = os.read(process.stdout.fileno(), 65_536)
                if not part:
                    raise EOFError
                self._answers += part
        line, _, self._answers = self._answers.partition(b"\n")
        return line

    def _explain(self, code: int) -> str:
        if code == -signal.SIGKILL:
            return "what reads it was killed, as happens if it takes more memory than there is"
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"what reads it crashed ({how})"


def check_file(kind: Kind, path: Path) -> None:
    """Check one file in a process of its own.

    Raises:
        InputError: If it cannot be used; the message says why.
    """
    checker = FileChecker()
    try:
        fault = checker.find_fault(kind, path)
    finally:
        checker.close()
    if fault:
        raise InputError(fault)
