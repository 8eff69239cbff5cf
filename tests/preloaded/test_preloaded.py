"""A preloaded script is a process like any other, but for the libraries it need not import."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.preloaded.scripts import PreloadedScripts

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SLEEP = "import os, sys, time; print(os.getpid(), flush=True); time.sleep(60)"


@pytest.fixture
def run(preloaded: PreloadedScripts, tmp_path: Path) -> Run:
    def run(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        (tmp_path / "script.py").write_text(code)
        command = preloaded.command(tmp_path / "script.py", *arguments)
        return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)

    return run


def test_it_has_arguments_folder_environment_and_files_of_who_calls_it(run: Run, tmp_path: Path) -> None:
    code = """
import os, sys
print(sys.argv[1:], os.getcwd(), os.environ["OWN"], __name__, sys.stdin.read())
print(sorted(os.environ), file=sys.stderr)
sys.exit(3)
"""
    environment = {"OWN": "1 = 1", "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}
    ended = run(code, "a b", "c", cwd=tmp_path, env=environment, input="read")
    assert ended.returncode == 3
    assert ended.stdout == f"['a b', 'c'] {tmp_path} 1 = 1 __main__ read\n"
    # Fixed when the libraries were loaded, as the project itself sets it.
    assert ended.stderr == f"{sorted([*environment, 'OMP_WAIT_POLICY'])}\n"


def test_kedro_and_the_package_come_from_its_own_path(run: Run, tmp_path: Path) -> None:
    (tmp_path / "src" / "triptych").mkdir(parents=True)
    (tmp_path / "src" / "triptych" / "__init__.py").write_text("mine = True")
    code = """
import sys
loaded = {name.split(".")[0] for name in sys.modules}
import triptych
print(triptych.mine, "torch" in loaded, "mlflow" in loaded, "kedro" in loaded, "triptych" in loaded)
"""
    ended = run(code, cwd=tmp_path, env={**os.environ, "PYTHONPATH": "src", "OMP_NUM_THREADS": "1"})
    assert ended.stdout == "True True True False False\n"


def test_openmp_works_after_the_fork(run: Run) -> None:
    code = """
import lightgbm, numpy, torch
data = lightgbm.Dataset(numpy.random.rand(500, 4), numpy.random.rand(500))
lightgbm.train({"verbose": -1, "num_threads": 2, "objective": "regression"}, data, 5)
torch.set_num_threads(2)
print((torch.ones(500, 500) @ torch.ones(500, 500)).sum().item())
"""
    assert run(code).stdout == f"{500.0**3}\n"


def test_it_has_one_thread_in_openmp_whatever_it_asks_for(run: Run) -> None:
    ended = run("import torch; print(torch.get_num_threads())", env={**os.environ, "OMP_NUM_THREADS": "2"})
    assert ended.stdout == "1\n"


def test_its_end_by_a_signal_is_the_callers(run: Run) -> None:
    assert run("import os; os.kill(os.getpid(), 9)").returncode == -signal.SIGKILL
    assert run("raise ValueError('this')").returncode == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_with_its_caller(preloaded: PreloadedScripts, tmp_path: Path, number: int) -> None:
    (tmp_path / "sleep.py").write_text(SLEEP)
    command = preloaded.command(tmp_path / "sleep.py")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        script = int(caller.stdout.readline())
        caller.send_signal(number)
        assert caller.wait(30) == -number
    end = time.monotonic() + 30
    while psutil.pid_exists(script) and time.monotonic() < end:
        time.sleep(0.01)
    assert not psutil.pid_exists(script)


def test_whoever_calls_kedro_gets_it_from_the_path(preloaded: PreloadedScripts, tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{preloaded.folder}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    command = ["bash", "-c", "kedro --version"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("kedro, version")
