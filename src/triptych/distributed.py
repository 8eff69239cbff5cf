"""Ranks: which of the processes that share a job this one is, and how they talk.

One process needs none of it: everything here then answers as rank 0 of 1. Ranks are told by the environment, as
torchrun and Azure ML (`RANK`, `WORLD_SIZE`, `LOCAL_RANK`, `LOCAL_WORLD_SIZE`) or Open MPI set it. torch is imported
only where ranks talk.
"""

from __future__ import annotations

import datetime
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch

_logger = logging.getLogger(__name__)
Item = TypeVar("Item")
_PATIENCE = datetime.timedelta(hours=12)  # for rank 0 at its own work; a rank that died is noticed at once


def rank() -> int:
    """Give this process's number among all, from 0."""
    return _read("RANK", "OMPI_COMM_WORLD_RANK", default=0)


def world_size() -> int:
    """Give the number of processes."""
    return _read("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", default=1)


def local_rank() -> int:
    """Give this process's number on its machine: the GPU it takes."""
    return _read("LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", default=0)


def local_world_size() -> int:
    """Give the number of processes on this machine, which share its cores."""
    # Azure ML tells PyTorch's processes how many machines there are, not how many of them are on each.
    machines = _read("AZUREML_NODE_COUNT", default=0)
    share = world_size() // machines if machines else 1
    return _read("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", default=max(share, 1))


def is_primary() -> bool:
    """Tell whether this process is the one that writes."""
    return rank() == 0


def are_torch_ranks() -> bool:
    """Tell whether there are several processes that can find each other by torch.distributed."""
    return world_size() > 1 and "RANK" in os.environ and "MASTER_ADDR" in os.environ


def _read(*names: str, default: int) -> int:
    for name in names:
        if name in os.environ:
            try:
                return int(os.environ[name])
            except ValueError:
                raise ValueError(f"{name} must be a whole number, got {os.environ[name]!r}") from None
    return default


def shard(items: Sequence[Item], number: int | None = None, count: int | None = None) -> list[Item]:
    """Take this rank's share: every item goes to one rank, shares differ in size by at most one.

    Args:
        items: In the same order on every rank.
        number: Rank; this one's if not given.
        count: Number of ranks; as many as there are if not given.
    """
    number = rank() if number is None else number
    count = world_size() if count is None else count
    return list(items[number::count])


@contextmanager
def joined() -> Iterator[None]:
    """Let the ranks talk; one process alone, or a group that is already there, is left as it is.

    A rank that fails leaves the group, so that those that wait for it fail as well instead of waiting for ever.

    Raises:
        ValueError: If there are several ranks and the environment does not say how they find each other.
    """
    if world_size() == 1 or _is_joined():
        yield
        return
    import torch
    import torch.distributed as dist

    missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if missing:
        raise ValueError(f"{world_size()} ranks need {', '.join(missing)} in the environment: start them by torchrun")
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(local_rank() % torch.cuda.device_count())
    # Objects and counts are exchanged in memory, gradients where the model is.
    dist.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo", timeout=_PATIENCE)
    _logger.info("Rank %d of %d", rank(), world_size())
    try:
        yield
    finally:
        dist.destroy_process_group()


def _is_joined() -> bool:
    import torch.distributed as dist

    return dist.is_available() and dist.is_initialized()


def sum_over_ranks(values: torch.Tensor) -> torch.Tensor:
    """Add up a tensor over all ranks.

    Args:
        values: Of the same shape on every rank, in memory or on the GPU.

    Returns:
        The sum, on every rank; one process alone gets its own values.
    """
    if world_size() > 1:
        import torch.distributed as dist

        values = values.clone()
        dist.all_reduce(values)
    return values


def gather_over_ranks(items: Sequence[Item]) -> list[Item]:
    """Put the shares of all ranks one after the other, on every rank.

    Args:
        items: This rank's; anything that pickles.
    """
    if world_size() == 1:
        return list(items)
    import torch.distributed as dist

    shares: list[list[Item]] = [[] for _ in range(world_size())]
    dist.all_gather_object(shares, list(items))
    return [item for share in shares for item in share]


def from_primary(value: Any) -> Any:
    """Give every rank the value of rank 0, which must pickle."""
    if world_size() == 1:
        return value
    import torch.distributed as dist

    values = [value]
    dist.broadcast_object_list(values, src=0)
    return values[0]


def wait_for_all() -> None:
    """Wait until every rank has come here."""
    if world_size() > 1:
        import torch

        sum_over_ranks(torch.zeros(1))
