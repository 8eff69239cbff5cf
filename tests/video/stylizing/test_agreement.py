from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from triptych.video.stylizing.agreement import agree


def as_rank(patch: pytest.MonkeyPatch, number: int, job: str = "job 1") -> None:
    patch.setenv("RANK", str(number))
    patch.setenv("WORLD_SIZE", "2")
    patch.setenv("AZUREML_RUN_ID", job)


def fail() -> dict[str, int]:
    raise AssertionError("decided anew")


def test_one_process_decides_for_itself(tmp_path: Path) -> None:
    assert agree(tmp_path, "runtime", lambda: {"value": 1}) == {"value": 1}
    assert list(tmp_path.iterdir()) == []


def test_the_others_take_what_rank_0_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(monkeypatch, 0)
    agree(tmp_path, "runtime", lambda: {"value": 1})
    as_rank(monkeypatch, 1)
    assert agree(tmp_path, "runtime", fail) == {"value": 1}


def test_a_restarted_rank_0_keeps_to_it_and_another_job_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_rank(monkeypatch, 0)
    agree(tmp_path, "runtime", lambda: {"value": 1})
    assert agree(tmp_path, "runtime", fail) == {"value": 1}
    as_rank(monkeypatch, 0, job="job 2")
    assert agree(tmp_path, "runtime", lambda: {"value": 2}) == {"value": 2}


def test_the_others_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(monkeypatch, 1)
    got: list[dict[str, int]] = []
    waiting = threading.Thread(target=lambda: got.append(agree(tmp_path, "runtime", fail)))
    waiting.start()
    time.sleep(0.5)
    assert got == []
    (tmp_path / "agreed-job_1-runtime.json").write_text('{"value": 1}')
    waiting.join(5)
    assert got == [{"value": 1}]


def test_they_do_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(monkeypatch, 1)
    with pytest.raises(TimeoutError, match="rank 1 waited 0.3 s for rank 0"):
        agree(tmp_path, "runtime", fail, patience_s=0.3)


def test_ranks_without_a_job_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(monkeypatch, 0)
    for name in ("AZUREML_RUN_ID", "PMIX_NAMESPACE", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="to tell jobs apart"):
        agree(tmp_path, "runtime", fail)
