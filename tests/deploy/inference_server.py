"""Azure ML's inference server in an environment of its own, as conda.yml of the endpoints has it.

python -m tests.deploy.inference_server FOLDER

makes the environment: the server with what it asks for comes first, and what models import is taken from the
environment that this runs in, so that PyTorch is there once. It takes half a minute and 250 MB. Tests use it where the
variable TRIPTYCH_INFERENCE_SERVER names the folder, and are skipped elsewhere.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import sysconfig
import time
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path

from tests.deploy.conftest import DEPLOY
from tests.deploy.test_environment import conda_pins, locked_versions
from tests.registry.servers import free_port

VARIABLE = "TRIPTYCH_INFERENCE_SERVER"
CODE = DEPLOY / "endpoints/serving/code"
# In these the server asks for other versions than the lock has.
_OTHERWISE = {"flask", "flask-cors", "pydantic", "pydantic-core", "wrapt"}
_SERVER = ("azureml-inference-server-http", "azureml-ai-monitoring", "azureml-contrib-services")
_START_S = 60


def make_environment(folder: Path) -> Path:
    """Make the environment, and give its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    versions = {name: version for name, version in locked_versions().items() if name not in _OTHERWISE}
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()), encoding="utf-8")
    pins = [f"{name}=={conda_pins()[name]}" for name in _SERVER]
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--constraint", constraints, *pins], check=True)
    purelib = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    # What stands in a .pth file comes after the environment's own.
    (Path(purelib.stdout.strip()) / "models.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


@contextlib.contextmanager
def serve_model(python: Path, model: Path, folder: Path, **variables: str) -> Iterator[str]:
    """Run score.py in the server, as a managed endpoint does, and give its address.

    Args:
        python: Of the environment.
        model: In MLflow's format.
        folder: Empty, for the mount of the model and the log.
        variables: Of the deployment, such as WORKER_COUNT.
    """
    (folder / "mounted").mkdir(parents=True)
    (folder / "mounted/model").symlink_to(model)
    port = free_port()
    environment = {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "AZUREML_MODEL_DIR": str(folder / "mounted"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }
    options = ["--entry_script", str(CODE / "score.py"), "--port", str(port)]
    command = [str(python), "-m", "azureml_inference_server_http", *options]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _await(f"http://127.0.0.1:{port}/", process, folder / "log.txt")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _await(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - our own
            return
        time.sleep(0.2)
    raise RuntimeError(f"the server does not answer: {log.read_text(encoding='utf-8')[-2000:]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    print(f"export {VARIABLE}={make_environment(parser.parse_args().folder.resolve()).parents[1]}", file=sys.stdout)
