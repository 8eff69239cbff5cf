"""Has imported the libraries that every run imports, and forks for each script that `client.py` asks it to run.

Kedro, its plugins and this project are not among them: a script imports those itself, from where it runs and with its
own environment. It is started by `tests.preloaded.scripts`, and ends when its standard input does.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib.util
import json
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
import threading
import traceback
from pathlib import Path
from typing import NamedTuple

LIBRARIES = (
    *("mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store", "azureml.mlflow", "azure.ai.ml", "azure.identity"),
    *("omegaconf", "dynaconf", "rich.logging", "IPython", "git", "jinja2", "werkzeug", "flask", "fastapi", "adlfs"),
    *("pandas", "pandera.pandas", "pandera.strategies.pandas_strategies", "pyarrow.parquet", "plotly.express"),
    *("lightgbm", "torch", "torchvision", "cv2", "av", "py7zr", "selectolax"),
)
OURS = ("kedro", "triptych")
FIXED = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")  # read when the libraries load


class Request(NamedTuple):
    """What a client wants to be run, and its files 0, 1 and 2."""

    script: str
    arguments: list[str]
    folder: str
    environment: dict[str, str]
    niceness: int
    files: list[int]


def preload() -> None:
    """Import the libraries, and nothing that a script is to import itself.

    Raises:
        RuntimeError: If they bring in Kedro or the project, or start threads, which a fork would not copy.
    """
    for name in LIBRARIES:
        if importlib.util.find_spec(name.split(".")[0]):  # without Kedro few of them are installed
            importlib.import_module(name)
    if early := [name for name in sys.modules if name.split(".")[0].startswith(OURS)]:
        raise RuntimeError(f"imported too early: {', '.join(early)}")
    tasks = Path("/proc/self/task")  # where there is Linux
    names = [(task / "comm").read_text().strip() for task in tasks.iterdir()] if tasks.is_dir() else []
    # Arrow's allocator sees to its own thread when it is forked.
    if len([name for name in names if name != "jemalloc_bg_thd"]) > 1:
        raise RuntimeError(f"the libraries started threads: {', '.join(names)}")
    gc.freeze()  # what no script changes is not looked through in every one of them


def serve(listener: socket.socket) -> Request | None:
    """Fork for each client until standard input ends.

    Returns:
        None in the server; in a forked process what it is to run.
    """
    scripts: dict[socket.socket, int] = {}
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    selector = selectors.DefaultSelector()
    for file in (listener, woken, sys.stdin):
        selector.register(file, selectors.EVENT_READ)
    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        for client in [client for client in scripts if client in ready]:
            _kill(scripts[client])  # the client is gone
            selector.unregister(client)
        if sys.stdin in ready:
            for script in scripts.values():
                _kill(script)
            return None
        if woken in ready:
            woken.recv(4096)
            _reap(scripts, selector)
        if listener in ready:
            client = listener.accept()[0]
            request = _receive(client)
            script = os.fork()
            if script == 0:
                selector.close()
                for file in (listener, woken, wakes, client, *scripts):
                    file.close()
                return request
            for number in request.files:
                os.close(number)
            client.sendall(struct.pack("!i", script))
            scripts[client] = script
            selector.register(client, selectors.EVENT_READ)


def _receive(client: socket.socket) -> Request:
    head, files, *_ = socket.recv_fds(client, 4, 3)
    with client.makefile("rb") as stream:
        content = json.loads(stream.read(struct.unpack("!I", head)[0]))
    return Request(**content, files=list(files))


def _reap(scripts: dict[socket.socket, int], selector: selectors.BaseSelector) -> None:
    """Tell the clients how their scripts ended: the code, or the negative number of the signal."""
    for client, script in list(scripts.items()):
        ended, status = os.waitpid(script, os.WNOHANG)
        if ended:
            del scripts[client]
            with contextlib.suppress(KeyError):
                selector.unregister(client)
            with contextlib.suppress(OSError):
                client.sendall(struct.pack("!i", os.waitstatus_to_exitcode(status)))
            client.close()


def _kill(script: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(script, signal.SIGKILL)


def become(request: Request) -> None:
    """Take the place of the client's process: its environment, folder and files."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, file in enumerate(request.files):
        os.dup2(file, number)
        os.close(file)
    fixed = {name: os.environ[name] for name in FIXED}
    os.setpriority(os.PRIO_PROCESS, 0, request.niceness)
    os.environ.clear()
    os.environ.update({**request.environment, **fixed})
    os.chdir(request.folder)
    added = [str(Path(path).absolute()) for path in request.environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [str(Path(request.script).parent), *added]
    for folder in added:
        if (custom := Path(folder) / "sitecustomize.py").is_file():  # Python runs it at a start
            _import_file(custom)
    sys.argv = [request.script, *request.arguments]
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # as a process of its own would; Python's is by itself


def _import_file(path: Path) -> None:
    spec = importlib.util.spec_from_file_location(f"preloaded_{path.stem}", path)
    if spec and spec.loader:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def run(script: str) -> int:
    """Run a script and what it left for its end, as `multiprocessing` does in what it forks; return its exit code."""
    code: object = None
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code or 0


def main() -> None:
    """Serve the socket whose number is given."""
    preload()
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        request = serve(listener)
    if request:
        become(request)
        os._exit(run(request.script))


if __name__ == "__main__":
    main()
