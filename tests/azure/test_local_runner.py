"""The local runner keeps to what Azure ML does, on tiny pipelines."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from tests.azure.compiled_pipeline import read_pipeline
from tests.azure.data_assets import DataAssets
from tests.azure.local_runner import PipelineRun, main, run_pipeline
from tests.azure.node_image import image_variables
from tests.azure.step_runs import StepError
from tests.azure.step_tracking import list_excesses

Run = Callable[..., PipelineRun]
OUT = "${{outputs.out}}"


@pytest.fixture
def assets(tmp_path: Path) -> DataAssets:
    return DataAssets(tmp_path / "assets")


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / "data").mkdir(parents=True)
    (folder / "mine.txt").write_text("code")
    (folder / "data" / "secret.txt").write_text("not for the cluster")
    (folder / ".amlignore").write_text("data/\n")
    return folder


def job(command: str, code: Path, inputs: dict[str, Any] | None = None, **extra: Any) -> dict[str, Any]:
    outputs = {"out": {"type": "uri_folder", **extra.pop("asset", {})}}
    component = {"type": "command", "code": str(code), "command": command, "outputs": {"out": {"type": "uri_folder"}}}
    return {"type": "command", "inputs": inputs or {}, "outputs": outputs, "component": component, **extra}


def output_of(step: str) -> dict[str, Any]:
    return {"first": {"path": f"${{{{parent.jobs.{step}.outputs.out}}}}"}}


def write(tmp_path: Path, jobs: dict[str, Any], **content: Any) -> Path:
    path = tmp_path / "pipeline.yaml"
    path.write_text(yaml.safe_dump({"type": "pipeline", "jobs": jobs, **content}, sort_keys=False))
    return path


@pytest.fixture
def run(tmp_path: Path, assets: DataAssets) -> Run:
    def start(jobs: dict[str, Any], **options: Any) -> PipelineRun:
        content = options.pop("content", {})
        return run_pipeline(write(tmp_path, jobs, **content), tmp_path / "work", assets, **options)

    return start


def read(tmp_path: Path, step: str, name: str = "text") -> str:
    return (tmp_path / "work" / "outputs" / step / "out" / name).read_text()


def test_steps_run_in_the_order_of_what_they_need(run: Run, code: Path, tmp_path: Path) -> None:
    second = job(f"cat ${{{{inputs.first}}}}/text > {OUT}/text && echo two >> {OUT}/text", code, output_of("one"))
    result = run({"two": second, "one": job(f"echo one > {OUT}/text", code)})
    assert [step.name for step in result.steps] == ["one", "two"]
    assert read(tmp_path, "two") == "one\ntwo\n"
    assert result.outputs["out"].name == "out"


def test_the_snapshot_holds_what_amlignore_leaves(run: Run, code: Path, tmp_path: Path) -> None:
    run({"one": job(f"ls -A > {OUT}/text", code)})
    assert read(tmp_path, "one").split() == [".amlignore", "mine.txt"]


def test_the_environment_is_clean(run: Run, code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED", "from here")
    own = job(f"env > {OUT}/text", code, environment_variables={"OF_THE_JOB": "1"})
    run({"one": own}, environment={"OF_ALL": "2"})
    found = dict(line.split("=", 1) for line in read(tmp_path, "one").splitlines())
    # The last four are the shell's own.
    expected = {"PATH", "HOME", "LANG", "AZUREML_RUN_ID", "OF_THE_JOB", "OF_ALL", "PWD", "SHLVL", "OLDPWD", "_"}
    assert set(found) - expected == set(image_variables())
    assert (found["OF_THE_JOB"], found["OF_ALL"]) == ("1", "2")
    assert found["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_a_failing_step_ends_the_run_with_the_end_of_its_log(run: Run, code: Path, tmp_path: Path) -> None:
    fails = job("echo the reason; exit 3", code)
    with pytest.raises(StepError, match="the reason") as error:
        run({"one": fails, "two": job(f"touch {OUT}/text", code, output_of("one"))})
    assert error.value.result is not None
    assert error.value.result.return_codes == (3,)
    assert error.value.result.empty_outputs == ("out",)
    assert not (tmp_path / "work" / "outputs" / "two").exists()


def test_a_failing_step_ends_those_that_run_beside_it(run: Run, code: Path) -> None:
    start = time.monotonic()
    with pytest.raises(StepError, match="fails"):
        run({"fails": job("sleep 0.3; exit 1", code), "long": job("sleep 60", code)}, at_once=2)
    assert time.monotonic() - start < 30


def test_independent_steps_run_side_by_side(run: Run, code: Path, tmp_path: Path) -> None:
    """Each waits for the other."""
    meet = "touch {0}/mine; for _ in $(seq 500); do test -e {1} && exit 0; sleep 0.02; done; exit 1"
    others = {name: tmp_path / "work" / "outputs" / name / "out" / "mine" for name in ("one", "two")}
    jobs = {"one": job(meet.format(OUT, others["two"]), code), "two": job(meet.format(OUT, others["one"]), code)}
    assert len(run(jobs, at_once=2).steps) == 2


def test_a_step_that_takes_too_long_is_ended(run: Run, code: Path) -> None:
    with pytest.raises(StepError, match="-15"):
        run({"one": job("exec sleep 60", code)}, timeout_s=0.5)


def test_inputs_may_not_be_changed(run: Run, code: Path) -> None:
    changes = job(
        f"chmod -R u+w ${{{{inputs.first}}}}; echo more >> ${{{{inputs.first}}}}/text; touch {OUT}/text", code
    )
    changes["inputs"] = output_of("one")
    with pytest.raises(StepError, match="changed its inputs first"):
        run({"one": job(f"echo one > {OUT}/text", code), "two": changes})


def test_inputs_are_read_only(run: Run, code: Path, tmp_path: Path) -> None:
    """By their rights, which root may pass over."""
    looks = job(f"stat -c %a ${{{{inputs.first}}}} ${{{{inputs.first}}}}/text > {OUT}/text", code, output_of("one"))
    run({"one": job(f"echo one > {OUT}/text", code), "two": looks})
    assert read(tmp_path, "two") == "555\n444\n"


def test_an_empty_input_is_refused(run: Run, code: Path) -> None:
    with pytest.raises(StepError, match="two: DataAccessError: its input first"):
        run({"one": job(f"mkdir {OUT}/folder", code), "two": job("true", code, output_of("one"))})


def test_an_empty_output_nobody_reads_is_reported(run: Run, code: Path) -> None:
    assert run({"one": job("true", code)}).steps[0].empty_outputs == ("out",)


def test_texts_are_handed_over_as_they_are(run: Run, code: Path, tmp_path: Path) -> None:
    run({"one": job(f"echo '${{{{inputs.what}}}}' > {OUT}/text", code, {"what": "params:video.style"})})
    assert read(tmp_path, "one") == "params:video.style\n"


def test_data_assets_are_read_by_version(run: Run, code: Path, tmp_path: Path, assets: DataAssets) -> None:
    for text in ("old", "new"):
        (tmp_path / "text").write_text(text)
        assets.add("raw_data", tmp_path / "text")
    paths = ["raw_data@latest", "azureml:raw_data:1"]
    inputs = {f"in{number}": {"type": "uri_folder", "path": path} for number, path in enumerate(paths)}
    run({"one": job(f"cat ${{{{inputs.in0}}}}/* ${{{{inputs.in1}}}}/* > {OUT}/text", code, inputs)})
    assert read(tmp_path, "one") == "newold"


@pytest.mark.parametrize("path", ["azureml:no_such@latest", "azureml:raw_data:7", "azureml:raw_data@stable"])
def test_a_missing_data_asset_is_named(path: str, run: Run, code: Path, tmp_path: Path, assets: DataAssets) -> None:
    (tmp_path / "text").touch()
    assets.add("raw_data", tmp_path / "text")
    with pytest.raises(StepError, match=path):
        run({"one": job("true", code, {"it": {"type": "uri_folder", "path": path}})})


def test_named_outputs_become_versions(tmp_path: Path, code: Path, assets: DataAssets) -> None:
    named = {"type": "uri_folder", "name": "model"}
    through_pipeline = job(f"echo b > {OUT}/text", code)
    through_pipeline["outputs"]["out"] = "${{parent.outputs.end}}"
    jobs = {"one": job(f"echo a > {OUT}/text", code, asset={"name": "model"}), "two": through_pipeline}
    path = write(tmp_path, jobs, outputs={"end": named})
    for attempt in ("work_1", "work_2"):
        run_pipeline(path, tmp_path / attempt, assets)
    assert [(v.name, (v / "text").read_text()) for v in assets.versions("model")] == [
        ("1", "a\n"), ("2", "b\n"), ("3", "a\n"), ("4", "b\n")
    ]  # fmt: skip


def distributed(kind: str, nodes: int, per_node: int) -> dict[str, Any]:
    return {
        "distribution": {"type": kind, "process_count_per_instance": per_node},
        "resources": {"instance_count": nodes},
    }


def test_mpi_ranks_run_under_mpirun_each_on_its_node(run: Run, code: Path, tmp_path: Path) -> None:
    command = f"pwd > {OUT}/$OMPI_COMM_WORLD_RANK-of-$OMPI_COMM_WORLD_SIZE"
    run({"one": job(command, code, **distributed("mpi", 2, 2))})
    nodes = [Path(read(tmp_path, "one", f"{rank}-of-4").strip()).name for rank in range(4)]
    assert nodes == ["0", "0", "1", "1"]


def test_a_failing_mpi_rank_fails_the_step(run: Run, code: Path) -> None:
    command = "if [ $OMPI_COMM_WORLD_RANK = 1 ]; then echo rank 1 died; kill -9 $$; fi; sleep 60"
    start = time.monotonic()
    with pytest.raises(StepError, match="rank 1 died"):
        run({"one": job(command, code, **distributed("mpi", 2, 1))})
    assert time.monotonic() - start < 30


def test_pytorch_ranks_are_told_of_each_other(run: Run, code: Path, tmp_path: Path) -> None:
    names = "$WORLD_SIZE $NODE_RANK $LOCAL_RANK ${LOCAL_WORLD_SIZE-unset} $AZUREML_NODE_COUNT"
    run({"one": job(f"echo {names} > {OUT}/$RANK", code, **distributed("pytorch", 2, 1))})
    assert [read(tmp_path, "one", str(rank)) for rank in range(2)] == ["2 0 0 unset 2\n", "2 1 0 unset 2\n"]


def test_the_log_of_the_pytorch_rank_that_failed_is_shown(run: Run, code: Path) -> None:
    command = "if [ $RANK = 1 ]; then echo rank 1 gave up; exit 5; fi; exec sleep 60"
    with pytest.raises(StepError, match="rank 1 gave up") as error:
        run({"one": job(command, code, **distributed("pytorch", 2, 1))})
    assert error.value.result is not None
    assert error.value.result.return_codes == (-15, 5)


def test_steps_are_told_of_their_mlflow_runs(run: Run, code: Path, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    run({"one": job(f"echo $MLFLOW_TRACKING_URI $MLFLOW_RUN_ID > {OUT}/text", code)}, tracking_uri=uri)
    told, number = read(tmp_path, "one").split()
    assert told == uri
    info = MlflowClient(uri).get_run(number).info
    assert (info.run_name, info.status) == ("one", "FINISHED")


def test_steps_that_wait_for_each_other_are_refused(tmp_path: Path, code: Path) -> None:
    jobs = {"one": job("true", code, output_of("two")), "two": job("true", code, output_of("one"))}
    with pytest.raises(ValueError, match="one, two"):
        read_pipeline(write(tmp_path, jobs))


def test_an_input_that_no_step_leaves_is_refused(tmp_path: Path, code: Path) -> None:
    with pytest.raises(ValueError, match="no step gone leaves out for its input first"):
        read_pipeline(write(tmp_path, {"one": job("true", code, output_of("gone"))}))


def test_the_command_line(
    tmp_path: Path, code: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "raw").write_text("raw")
    path = write(tmp_path, {"one": job("cat ${{inputs.it}}/raw; exit $CODE", code, {"it": {"path": "azureml:it:1"}})})
    options = [str(path), "--assets", str(tmp_path / "assets"), "--asset", f"it={tmp_path / 'raw'}"]
    monkeypatch.setattr("sys.argv", ["local_runner", *options, "--work", str(tmp_path / "a"), "--env", "CODE=0"])
    main()
    assert "one  empty: out" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["local_runner", *options, "--work", str(tmp_path / "b"), "--env", "CODE=4"])
    with pytest.raises(SystemExit, match="raw"):
        main()


def test_more_outputs_than_a_run_may_have_end_it(run: Run, code: Path) -> None:
    greedy = job("true", code)
    greedy["component"]["outputs"] = {f"out{number}": {"type": "uri_folder"} for number in range(21)}
    with pytest.raises(StepError, match="one has 22 outputs; a run of Azure ML has 20 at most"):
        run({"one": greedy})


def data(metrics: int = 0, params: dict[str, str] | None = None, tags: dict[str, str] | None = None) -> Any:
    """As MLflow's client gives it of a run."""
    return SimpleNamespace(
        metrics={f"m{number}": 0.0 for number in range(metrics)}, params=params or {}, tags=tags or {}
    )


@pytest.mark.parametrize(
    ("found", "faults"),
    [
        (data(50, {"p": "x" * 500}, {"t": "x" * 1000, "mlflow.note": "x" * 2000}), []),
        (data(51), ["51 metrics, more than 50"]),
        (data(params={f"p{number}": "" for number in range(201)}), ["201 parameters, more than 200"]),
        (data(params={"p": "x" * 501}), ["the parameter p is too long"]),
        (data(tags={"t": "x" * 1001}), ["the tag t is too long"]),
    ],
)
def test_what_azure_would_refuse_to_track_is_named(found: Any, faults: list[str]) -> None:
    assert list_excesses(found) == faults
