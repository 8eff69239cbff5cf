"""Run the command of a job, and note how it ended: `python -m triptych.jobs.supervisor FOLDER FD`.

A process between consumer and run, in a session of its own: if the consumer is killed, the run goes on, and how it
ended is written all the same, so that nobody runs it again. Whoever may still write is known by a lock on a file, which
the consumer takes before it starts this, and which this and the run inherit: the kernel gives it free when the last
of them is gone, whatever killed them. No process number has to be trusted for that.

It imports nothing but the standard library, to be at work at once.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from triptych.jobs.redaction import make_redactor

COMMAND, EXIT, LOG, PID, STEPS = "command.json", "exit.json", "log.txt", "pid", "steps.json"
_MOST_LOG_BYTES = 20_000_000
_LAST_LINES, _LAST_BYTES = 200, 500_000
_RETRY_S = 1.0
_DONE = re.compile(rb"Completed (\d+) out of (\d+) tasks")  # as Kedro's runners say
_LONGEST_LINE = 1_000_000
_LAST_OUTPUT_S = 5.0
_NOT_STARTED = 127
_LINE_END = re.compile(rb"[\r\n]")


def main(arguments: list[str]) -> None:
    """Run the command.

    Args:
        arguments: The folder of the attempt, with `command.json`; and the descriptor of the lock.
    """
    folder, lock = Path(arguments[0]), int(arguments[1])
    # A handler, as what is ignored would be ignored by the run as well.
    signal.signal(signal.SIGTERM, lambda *_: None)
    _write(folder / PID, os.getpid())
    command = json.loads((folder / COMMAND).read_text(encoding="utf-8"))
    environment = {**os.environ, **command["environment"]}
    try:
        child = subprocess.Popen(  # noqa: S603 - a list of words that was checked, and no shell
            command["argv"],
            cwd=command["cwd"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
        )
    except OSError as error:
        _note(folder / EXIT, {"code": _NOT_STARTED, "reason": f"{command['argv'][0]} cannot be started: {error}"})
        return
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    copying = threading.Thread(target=_copy, args=(child.stdout, folder, environment), daemon=True)
    copying.start()
    code = child.wait()
    copying.join(_LAST_OUTPUT_S)  # a grandchild may keep the pipe open for good
    _note(folder / EXIT, {"code": code, "ended_s": time.time()})


def _copy(output: IO[bytes], folder: Path, environment: dict[str, str]) -> None:
    """Copy a log line by line without secrets; of a progress bar, every state is a line.

    Of one that is too long the end is kept as well: there it says why a run has failed. Whatever happens, the output is
    read to its end, or the run would wait for ever.
    """
    redact, log = make_redactor(environment), _Log(folder / LOG)
    for line in _read_lines(output):
        with suppress(OSError):  # a full disk
            if found := _DONE.search(line):
                _write(folder / STEPS, [int(number) for number in found.groups()])
            log.write((redact(line.decode("utf-8", "replace")) + "\n").encode())
    with suppress(OSError):
        log.close()


class _Log:
    """A file that does not grow without end."""

    def __init__(self, path: Path) -> None:
        self._path, self._room = path, _MOST_LOG_BYTES
        self._file: IO[bytes] | None = None
        self._last: deque[bytes] = deque(maxlen=_LAST_LINES)

    def write(self, line: bytes) -> None:
        self._room -= len(line)
        if self._room >= 0:
            self._append(line)
        else:
            self._last.append(line)

    def close(self) -> None:
        if self._last:
            self._append(b"(the log has become too long: what follows is left out, but for the last lines)\n")
            self._append(b"".join(self._last)[-_LAST_BYTES:])
        if self._file:
            self._file.close()

    def _append(self, text: bytes) -> None:
        if self._file is None:
            self._file = os.fdopen(
                os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb", buffering=0
            )
        self._file.write(text)


def _read_lines(output: IO[bytes]) -> Iterator[bytes]:
    """Yield lines that are not blank, as soon as they are there."""
    rest = b""
    while block := os.read(output.fileno(), 65_536):
        *lines, rest = _LINE_END.split(rest + block)
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        yield from (line for line in lines if line.strip())
    if rest.strip():
        yield rest


def _note(path: Path, value: Any) -> None:
    """Write what must not be lost: if the disk is full, as soon as there is room; till then the run counts as alive."""
    while path.parent.is_dir():
        with suppress(OSError):
            _write(path, value)
            return
        time.sleep(_RETRY_S)


def _write(path: Path, value: Any) -> None:
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


if __name__ == "__main__":
    main(sys.argv[1:])
