from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

import pytest

from tests.preloaded.scripts import PreloadedScripts
from tests.ranks import launch
from triptych.sharing import agreement
from triptych.sharing.agreement import agree


def as_rank(patch: pytest.MonkeyPatch, number: int, job: str = "job 1") -> None:
    patch.setenv("OMPI_COMM_WORLD_RANK", str(number))
    patch.setenv("OMPI_COMM_WORLD_SIZE", "2")
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


def test_a_step_of_a_slurm_job_is_not_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_rank(monkeypatch, 0)
    for name in ("AZUREML_RUN_ID", "PMIX_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    for step in ("0", "1"):
        monkeypatch.setenv("SLURM_STEP_ID", step)
        assert agree(tmp_path, "runtime", lambda: {"step": os.environ["SLURM_STEP_ID"]}) == {"step": step}


def test_the_others_wait_while_rank_0_gives_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rank 0 looks through a large storage for much longer than the others would wait for a dead one."""
    monkeypatch.setattr(agreement, "_SIGN_S", 0.1)
    as_rank(monkeypatch, 0)

    def decide() -> dict[str, int]:
        time.sleep(2)
        return {"value": 1}

    deciding = threading.Thread(target=agree, args=(tmp_path, "runtime", decide))
    deciding.start()
    time.sleep(0.3)
    as_rank(monkeypatch, 1)
    assert agree(tmp_path, "runtime", fail, patience_s=0.6) == {"value": 1}
    deciding.join()


TORCH_RANKS = """
import json, sys
from pathlib import Path
from triptych.distributed import rank
from triptych.sharing.agreement import agree

agreed = agree(Path(sys.argv[1]), "runtime", lambda: {"decided_by": rank()})
(Path(sys.argv[1]) / f"{rank()}.json").write_text(json.dumps(agreed))
"""


def test_torchruns_ranks_agree_without_a_job_name(tmp_path: Path, preloaded: PreloadedScripts) -> None:
    launch(preloaded.code(TORCH_RANKS, str(tmp_path)), 2)
    assert [json.loads((tmp_path / f"{number}.json").read_text()) for number in (0, 1)] == [{"decided_by": 0}] * 2
    assert len(list(tmp_path.iterdir())) == 2
