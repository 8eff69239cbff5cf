"""A tracking server on loopback, and one that lacks what Azure ML's lacks."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MISSING = ("logged-models", "registered-models/alias")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serve(command: list[str], health: str, log: Path, timeout_s: float = 90) -> Iterator[None]:
    """Run a server until the block ends, with all processes it starts; yields when it answers."""
    # MLflow calls uvicorn by name: it is beside this interpreter, whose environment need not be active.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with log.open("wb") as out:
        # Its eight processes for jobs of generative AI would take a core for half a minute.
        environment = {**os.environ, "PATH": path, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
    try:
        end = time.monotonic() + timeout_s
        while not answers(health):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{command} does not serve:\n{log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.2)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310
            return bool(response.status == 200)
    except OSError:
        return False


@contextlib.contextmanager
def tracking_server(folder: Path) -> Iterator[str]:
    """Run `mlflow server` with its artifacts behind it; yields its address."""
    folder.mkdir()
    address = f"http://127.0.0.1:{(port := free_port())}"
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    options += ["--backend-store-uri", f"sqlite:///{folder / 'server.db'}"]
    options += ["--artifacts-destination", str(folder / "artifacts")]
    command = [sys.executable, "-m", "mlflow", "server", *options]
    with serve(command, f"{address}/health", folder / "server.log"):
        yield address


class Proxy(ThreadingHTTPServer):
    """Passes requests on, but for those that Azure ML answers with 404; `refused` lists their paths."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.refused: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if any(part in self.path for part in MISSING):
            self.server.refused.append(f"{self.command} {self.path}")
            return self._reply(404, b"", "text/plain")
        headers = {key: value for key, value in self.headers.items() if key.lower() in ("content-type", "accept")}
        url = f"{self.server.upstream}{self.path}"
        request = urllib.request.Request(url, body or None, headers, method=self.command)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                return self._reply(response.status, response.read(), response.headers.get("Content-Type", ""))
        except urllib.error.HTTPError as error:
            return self._reply(error.code, error.read(), error.headers.get("Content-Type", ""))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

    def _reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextlib.contextmanager
def azure_like_server(folder: Path) -> Iterator[Proxy]:
    """Run a tracking server without logged models and aliases; yields the proxy before it."""
    with tracking_server(folder) as upstream, Proxy(upstream) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join(10)
