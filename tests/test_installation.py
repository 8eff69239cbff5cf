"""What the lock installs works together."""

from __future__ import annotations

import subprocess
import sys


def test_torch_and_torchvision_are_a_working_pair() -> None:
    # nms is compiled against one torch; a pair that does not match has no such operator.
    code = (
        "import torch, torchvision;"
        "boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9], [5.0, 5.0, 6.0, 6.0]]);"
        "print(torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist())"
    )
    # In a process of its own: torch stays out of the other tests.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == "[0, 2]"
