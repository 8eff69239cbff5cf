"""Files of weights, whoever wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

__all__ = ["read_weights"]


def read_weights(path: Path) -> dict[str, Any]:
    """Read a state dict by names, without running what a pickle asks for.

    Raises:
        ValueError: If the file holds none; the message says why, not which.
        OSError: It cannot be read.
        MemoryError: Memory ran out.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # of what is no checkpoint torch raises what its reader comes upon, even KeyError
        reason = (str(error).splitlines() or [""])[0]
        raise ValueError(
            f"no weights that can be read without trust in the file ({type(error).__name__}: {reason})"
        ) from error
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise ValueError("it holds no weights by name: save the network's state_dict()")
    return state
