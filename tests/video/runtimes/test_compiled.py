"""Any number of sizes is compiled, each once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from triptych.video.runtimes.compiled import build_compiled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Brighter(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


def test_more_sizes_are_compiled_than_dynamo_keeps_by_itself() -> None:
    limit = torch._dynamo.config.recompile_limit
    engines = []
    for size in range(4, 4 + limit + 2):
        frames = np.zeros((1, size, 4, 3), np.uint8)
        engines.append((frames, build_compiled(Brighter(), [frames], 1)))
    for frames, engine in engines:
        assert np.array_equal(engine(frames)[0], frames + 1)
