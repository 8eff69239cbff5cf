from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.preloaded.scripts import PreloadedScripts
from tests.ranks import launch, start_ranks
from triptych import distributed


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "AZUREML_NODE_COUNT"):
        monkeypatch.delenv(name, raising=False)


def test_one_process_is_rank_0_of_1() -> None:
    assert (distributed.rank(), distributed.world_size(), distributed.is_primary()) == (0, 1, True)
    with distributed.joined():
        assert distributed.gather_over_ranks(["a", "b"]) == ["a", "b"]
        assert distributed.from_primary({"a": 1}) == {"a": 1}


@pytest.mark.parametrize("prefix", ["", "OMPI_COMM_WORLD_"])
def test_ranks_are_read_from_torchrun_and_open_mpi(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{prefix}RANK", "3")
    monkeypatch.setenv(f"{prefix}{'WORLD_SIZE' if not prefix else 'SIZE'}", "4")
    assert (distributed.rank(), distributed.world_size(), distributed.is_primary()) == (3, 4, False)


@pytest.mark.parametrize(
    ("told", "on_this_machine"),
    [
        ({"WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}, 4),
        ({"WORLD_SIZE": "8", "AZUREML_NODE_COUNT": "2"}, 4),  # Azure ML: no LOCAL_WORLD_SIZE
        ({"WORLD_SIZE": "2", "AZUREML_NODE_COUNT": "2"}, 1),
        ({"OMPI_COMM_WORLD_SIZE": "6", "OMPI_COMM_WORLD_LOCAL_SIZE": "3", "AZUREML_NODE_COUNT": "2"}, 3),
        ({"AZUREML_NODE_COUNT": "2"}, 1),  # one process, told of machines that others are on
        ({}, 1),
    ],
)
def test_ranks_that_share_a_machine_are_counted(
    told: dict[str, str], on_this_machine: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert distributed.local_world_size() == on_this_machine


def test_a_rank_that_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(ValueError, match="WORLD_SIZE must be a whole number, got 'two'"):
        distributed.world_size()


def test_ranks_that_cannot_find_each_other_are_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_PORT", raising=False)
    with (
        pytest.raises(ValueError, match="MASTER_PORT in the environment: start them by torchrun"),
        distributed.joined(),
    ):
        pass


@given(st.lists(st.integers()), st.integers(1, 9))
def test_every_item_goes_to_exactly_one_rank_in_equal_shares(items: list[int], count: int) -> None:
    shares = [distributed.shard(items, number, count) for number in range(count)]
    assert sorted(item for share in shares for item in share) == sorted(items)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


TALK = """
import json, sys, torch
from triptych import distributed as d
with d.joined():
    added = d.sum_over_ranks(torch.tensor([1.0, d.rank()])).tolist()
    gathered = d.gather_over_ranks(["a"] * (d.rank() + 1) + [d.rank()])
    said = d.from_primary({"from": d.rank()})
open(f"{sys.argv[1]}/{d.rank()}.json", "w").write(json.dumps([added, gathered, said]))
"""


def test_two_ranks_talk(preloaded: PreloadedScripts, tmp_path: Path) -> None:
    launch(preloaded.code(TALK, str(tmp_path)), 2)
    answers = [(tmp_path / f"{number}.json").read_text() for number in (0, 1)]
    assert answers[0] == answers[1] == '[[2.0, 1.0], ["a", 0, "a", "a", 1], {"from": 0}]'


FAIL = """
import torch
from triptych import distributed as d
with d.joined():
    d.sum_over_ranks(torch.zeros(1))
    if d.rank() == 1:
        raise ValueError("rank 1 has had enough")
    d.sum_over_ranks(torch.zeros(1))
"""


def test_a_rank_that_fails_does_not_keep_the_others_waiting(preloaded: PreloadedScripts) -> None:
    start = time.monotonic()
    processes = start_ranks(preloaded.code(FAIL), 2)
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert all(process.returncode for process in processes)
    assert "rank 1 has had enough" in errors[1]
    assert time.monotonic() - start < 100
