"""Python scripts in processes of their own that do not spend seconds on their imports."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.preloaded import client, server


@dataclass(frozen=True)
class PreloadedScripts:
    """A server at work."""

    folder: Path
    """Put first on the PATH, it makes `kedro` a preloaded one; whatever calls it need not know."""

    def command(self, script: Path, *arguments: str) -> list[str]:
        """Give the command that runs a script, with one thread in OpenMP."""
        # Without site-packages, Python starts in a fraction of the time.
        return [sys.executable, "-ISB", client.__file__, str(self.folder / "socket"), str(script), *arguments]

    def code(self, code: str, *arguments: str) -> list[str]:
        """Give the command that runs code, as `python -c` would."""
        path = self.folder / f"{hashlib.sha256(code.encode()).hexdigest()[:16]}.py"
        path.write_text(code, encoding="utf-8")
        return self.command(path, *arguments)

    def kedro(self, *arguments: str) -> list[str]:
        """Give the command that runs `kedro`."""
        return self.command(Path(sys.executable).with_name("kedro"), *arguments)


@contextmanager
def preloaded_scripts() -> Iterator[PreloadedScripts]:
    """Start a server, and end it and all its scripts afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="triptych-preloaded-"))  # a socket's path must be short
    scripts = PreloadedScripts(folder)
    words = " ".join(f"'{word}'" for word in scripts.kedro())
    (folder / "kedro").write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    (folder / "kedro").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    fixed = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    # Clients may connect while the server still imports.
    with (folder / "log").open("w") as log, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, server.__file__, str(listener.fileno())],
            cwd="/",
            env={**environment, **fixed},
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield scripts
    finally:
        process.communicate(timeout=60)
        complaints = (folder / "log").read_text()
        shutil.rmtree(folder)
        if process.returncode:
            raise RuntimeError(complaints)
