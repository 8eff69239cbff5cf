"""The network compiled by torch's inductor, in bfloat16 where the CPU has it. Needs a C++ compiler.

As with OpenVINO, every frame has one thread: inductor sums in another order with another number of threads.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from triptych.log_levels import errors_only
from triptych.video.runtimes.eager import Array, Engine, limited_threads, to_arrays, to_tensor
from triptych.video.runtimes.hardware import has_bfloat16

_SIZES = 10_000


def build_compiled(module: nn.Module, examples: Sequence[Array], threads: int) -> Engine:
    """Compile a module for the shapes of the examples; takes from seconds to a minute.

    The engine may be called from several threads at once.

    Raises:
        RuntimeError: Or others of torch's own, where there is no compiler or it fails.
    """
    del threads
    # Without freezing the convolutions' weights are rearranged for every frame, at ten times the price of the rest.
    options: dict[str, Any] = {"freezing": True}
    prepared = copy.deepcopy(module).eval().requires_grad_(False).to(memory_format=torch.channels_last)
    compiled = torch.compile(prepared, dynamic=False, fullgraph=True, options=options)
    half = has_bfloat16()

    def run(*inputs: Array) -> list[Array]:
        # Freezing takes no_grad, not inference_mode.
        with limited_threads(1), torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            return to_arrays(compiled(*map(to_tensor, inputs)))

    # All networks share one forward method, of which dynamo keeps 8 versions; each is compiled here, and never again.
    with errors_only("torch._inductor"), torch._dynamo.config.patch(recompile_limit=_SIZES):
        run(*examples)
    return run
