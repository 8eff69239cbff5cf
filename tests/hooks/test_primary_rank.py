from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro_azureml.distributed import distributed_job
from kedro_azureml.distributed.config import Framework

from tests.preloaded.scripts import PreloadedScripts
from tests.ranks import launch
from triptych.datasets import JSONDataset
from triptych.hooks import PrimaryRankOnly

RUN = """
import json, sys, time
from pathlib import Path
import torch
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner
from kedro_azureml.distributed import distributed_job
from kedro_azureml.distributed.config import Framework
from triptych import distributed
from triptych.datasets import JSONDataset
from triptych.hooks import PrimaryRankOnly

folder = Path(sys.argv[1])

def note(name):
    (folder / f"{name}_on_{distributed.rank()}").touch()

def prepare():
    note("prepare")
    time.sleep(1)  # longer than the other rank needs to come to the next node
    return {"fresh": True}, [1, 2, 3]

@distributed_job(Framework.PyTorch, num_nodes=1)
def train(data, offset):
    note("train")
    assert data == {"fresh": True}, data
    return float(distributed.sum_over_ranks(torch.ones(1)).item()) + offset

def report(total, numbers):
    note("report")
    if len(sys.argv) > 2:
        raise ValueError("the report fails")
    return {"total": total, "numbers": numbers}

pipeline = Pipeline([
    Node(prepare, None, ["data", "numbers"], name="prepare"),
    Node(train, ["data", "params:offset"], "total", name="train"),
    Node(report, ["total", "numbers"], "report", name="report"),
])
names = ["data", "numbers", "total", "report"]
catalog = DataCatalog({name: JSONDataset(filepath=str(folder / f"{name}.json")) for name in names})
catalog["params:offset"] = 10.0
hooks = _create_hook_manager()
hooks.register(PrimaryRankOnly())
hooks.hook.before_pipeline_run(run_params={"runner": "SequentialRunner"}, pipeline=pipeline, catalog=catalog)
try:
    SequentialRunner().run(pipeline, catalog, hook_manager=hooks)
except Exception as error:
    hooks.hook.on_pipeline_error(error=error, run_params={}, pipeline=pipeline, catalog=catalog)
    (folder / f"error_{distributed.rank()}").write_text(str(error))
    raise
hooks.hook.after_pipeline_run(run_params={}, run_result={}, pipeline=pipeline, catalog=catalog)
assert [node.func.__name__ for node in pipeline.nodes] == ["prepare", "train", "report"]
assert type(pipeline.nodes[0].func).__name__ == "function"
"""


def test_all_ranks_train_and_one_does_the_rest(preloaded: PreloadedScripts, tmp_path: Path) -> None:
    # What an earlier run left must not pass for this one's.
    (tmp_path / "data.json").write_text('{"fresh": false}')
    launch(preloaded.code(RUN, str(tmp_path)), 2)
    assert {path.name for path in tmp_path.glob("*_on_*")} == {
        "prepare_on_0",
        "train_on_0",
        "train_on_1",
        "report_on_0",
    }
    assert json.loads((tmp_path / "report.json").read_text()) == {"total": 12.0, "numbers": [1, 2, 3]}


def test_when_rank_0_fails_the_others_stop(preloaded: PreloadedScripts, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the report fails"):
        launch(preloaded.code(RUN, str(tmp_path), "fail"), 2)
    assert {path.name for path in tmp_path.glob("error_*")} >= {"error_0"}


def test_one_process_runs_everything(preloaded: PreloadedScripts, tmp_path: Path) -> None:
    launch(preloaded.code(RUN, str(tmp_path)), 1)
    assert json.loads((tmp_path / "report.json").read_text())["total"] == 11.0


def _plain(value: Any) -> Any:
    return value


@pytest.fixture
def two_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("runner", "message"),
    [
        ("<kedro.runner.parallel_runner.ParallelRunner object at 0x7f>", "SequentialRunner only, not ParallelRunner"),
        (None, "no node of this pipeline is distributed"),
    ],
)
def test_runs_that_ranks_cannot_share_are_refused(two_ranks: None, runner: str | None, message: str) -> None:
    pipeline = Pipeline([Node(_plain, "a", "b", name="plain")])
    with pytest.raises(ValueError, match=message):
        PrimaryRankOnly().before_pipeline_run({"runner": runner}, pipeline, DataCatalog({}))


@pytest.fixture
def second_of_open_mpi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")


def test_ranks_of_open_mpi_run_distributed_nodes_only(second_of_open_mpi: None) -> None:
    pipeline = Pipeline([Node(_plain, "a", "b", name="plain")])
    with pytest.raises(ValueError, match="ranks cannot share plain"):
        PrimaryRankOnly().before_pipeline_run({}, pipeline, DataCatalog({}))


def test_ranks_of_open_mpi_save_nothing_but_rank_0(second_of_open_mpi: None, tmp_path: Path) -> None:
    shared = distributed_job(Framework.MPI, num_nodes=2)(_plain)
    hook, pipeline = PrimaryRankOnly(), Pipeline([Node(shared, "a", "b", name="shared")])
    catalog = DataCatalog({name: JSONDataset(filepath=str(tmp_path / f"{name}.json")) for name in ("a", "b")})
    catalog.save("a", 1)
    hook.before_pipeline_run({}, pipeline, catalog)
    catalog.save("b", 2)
    hook.after_dataset_saved(pipeline.nodes[0])
    hook.after_pipeline_run()
    assert catalog.load("a") == 1
    assert not (tmp_path / "b.json").exists()
