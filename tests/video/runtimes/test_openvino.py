"""A signal after OpenVINO has gone must not end the process: the second plugin puts the first one's stack back."""

from __future__ import annotations

import subprocess
import sys

import pytest

from triptych.openvino_models import has_openvino

SCRIPT = """
import faulthandler, gc, signal, subprocess
faulthandler.enable()  # as pytest does: Python's handlers then have a stack of their own
seen = []
signal.signal(signal.SIGCHLD, lambda *_: seen.append(1))
import numpy as np, torch
from triptych.video.runtimes.openvino import build_openvino
example = np.zeros((1, 3, 64, 64), np.float32)
first = build_openvino(torch.nn.Conv2d(3, 3, 3, padding=1), [example], 1)
second = build_openvino(torch.nn.Conv2d(3, 3, 3, padding=1), [example], 1)
first(example), second(example)
del first
gc.collect()
del second
gc.collect()
subprocess.run(["true"], check=True)
print("alive", bool(seen))
"""


@pytest.mark.skipif(not has_openvino(), reason="OpenVINO is not installed")
@pytest.mark.skipif(sys.platform != "linux", reason="signal stacks are put back on Linux only")
def test_a_child_may_end_after_openvino_has_gone() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300)
    assert (run.returncode, run.stdout.strip()) == (0, "alive True"), run.stderr[-2000:]
