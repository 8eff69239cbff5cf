"""The compiled pipelines, run as Azure ML would run them, give what `kedro run` gives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import pandas as pd
import pytest

from tests.azure.cluster import Cluster
from tests.azure.compiled_pipeline import read_pipeline
from tests.azure.local_runner import EXPERIMENT, PipelineRun
from tests.azure.project_copy import SIZES, git
from tests.azure.step_runs import StepError
from tests.bench import Bench, MakeBench
from tests.e2e.test_faq_tune import read_best
from tests.e2e.test_shelf_sample import read_json
from triptych.pipeline_registry import register_pipelines

RunProject = Callable[..., Path]
pytestmark = pytest.mark.timeout(1800)
NAMES = ["faq_tune", "faq", "shelf", "video"]
# One of each kind of step, where preloaded libraries cannot hide what it forgets to import.
CLEAN = {"faq_train_ranker", "shelf_train_detector", "video_stylize_segments"}
PIPELINES = register_pipelines()
ALWAYS_DIFFERENT = ("seconds", "_per_s")
# Given when pipelines are compiled: steps have to find their nodes in a graph of another shape than conf has.
RANKER_SEARCH = {"trials": 3, "slots": 1}


@dataclass(frozen=True)
class AzureRuns:
    """What came of the pipelines on Azure ML."""

    cluster: Cluster
    outcomes: dict[str, PipelineRun | str]
    """By name: the run, or why it failed."""

    def of(self, name: str) -> PipelineRun:
        outcome = self.outcomes[name]
        if isinstance(outcome, str):
            pytest.fail(outcome)
        return outcome


def run_pipelines(bench: Bench) -> AzureRuns:
    """Run all pipelines, `faq` after `faq_tune`."""
    params = {"video_raw": str(bench.clips), "faq": {"ranker_search": RANKER_SEARCH}}
    cluster = Cluster.set_up(bench, NAMES, params)
    return AzureRuns(cluster, {name: run_pipeline(cluster, name) for name in NAMES})


def run_pipeline(cluster: Cluster, name: str) -> PipelineRun | str:
    try:
        return cluster.run(name, clean=CLEAN)
    except StepError as error:
        return str(error)


@pytest.fixture(scope="session")
def azure_runs(make_bench: MakeBench) -> AzureRuns:
    return run_pipelines(make_bench("azure_runs"))


@pytest.fixture(scope="module")
def local_faq(run_in: RunProject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run faq_tune and faq here with the same parameters."""
    work = tmp_path_factory.mktemp("local")
    params = {**SIZES, "faq": {**SIZES["faq"], "ranker_search": RANKER_SEARCH}}
    run_in(work, "faq_tune", env="test", params=params)
    return run_in(work, "faq", env="test", params=params)


def figures(path: Path) -> dict[str, float]:
    """Read metrics, less those that are times."""
    return {name: value for name, value in read_json(path).items() if not name.endswith(ALWAYS_DIFFERENT)}


def read_table(path: Path) -> pd.DataFrame:
    """Read a table, less the seconds that each row took."""
    return pd.read_csv(path).drop(columns="seconds")


def nodes_of(name: str) -> list[str]:
    if name == "faq_tune":
        searches = {"ranker": (1, 1), "reference": (2, 1)}  # in conf/test two nodes share the first rung
        return sorted(
            [
                *(f"faq_{node}" for node in ("ingest_posts", "clean_questions", "featurize_candidates")),
                *(f"faq_select_best_{search}" for search in searches),
                *(
                    f"faq_run_{search}_trials_r{rung}_{slot:02}"
                    for search, shape in searches.items()
                    for rung, slots in enumerate(shape)
                    for slot in range(slots)
                ),
            ]
        )
    return sorted(node.name.replace(".", "_") for node in PIPELINES[name].nodes)


def test_shelf_on_two_nodes_learns_the_same(azure_runs: AzureRuns, shelf_on_two_ranks: Path) -> None:
    outputs = azure_runs.of("shelf").outputs
    assert read_json(outputs["shelf_training_report"] / "training_report.json")["ranks"] == 2
    there = figures(outputs["shelf_metrics"] / "metrics.json")
    assert there == figures(shelf_on_two_ranks / "08_reporting/shelf/metrics.json")
    detections = read_json(outputs["shelf_detections"] / "detections.json")
    assert detections == read_json(shelf_on_two_ranks / "07_model_output/shelf/detections.json")
    (version,) = azure_runs.cluster.assets.versions("triptych_shelf_model")
    assert (version / "model" / "weights.pt").is_file()


def hash_frames(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [
            hashlib.sha256(frame.to_ndarray(format="rgb24").tobytes()).hexdigest() + str(frame.pts)
            for frame in container.decode(video=0)
        ]


def test_video_on_three_nodes_paints_the_same_frames(azure_runs: AzureRuns, clips_run: Path) -> None:
    outputs = azure_runs.of("video").outputs
    report = json.loads((outputs["video_stylizing_report"] / "stylizing.json").read_text())
    assert report["ranks"] == 3
    (version,) = azure_runs.cluster.assets.versions("triptych_video_finished")
    for name, count in (("a.mp4", 40), ("b.mp4", 25)):
        frames = hash_frames(clips_run / "07_model_output/video/finished" / name)
        assert len(frames) == count
        assert hash_frames(version / "finished" / name) == frames
        assert hash_frames(azure_runs.cluster.folder / "styled" / name) == frames
    assert set(read_json(azure_runs.cluster.folder / "work/02_intermediate/video/confirmed.json")) == {"a.mp4", "b.mp4"}
    here, there = clips_run / "08_reporting/video/videos.csv", outputs["video_videos"] / "videos.csv"
    pd.testing.assert_frame_equal(read_table(there), read_table(here))


def test_faq_finds_the_same_settings_and_figures(azure_runs: AzureRuns, local_faq: Path) -> None:
    data_root = local_faq
    searched = azure_runs.of("faq_tune").outputs
    for name in ("ranker", "reference"):
        board = f"{name}_leaderboard"
        here, there = data_root / f"08_reporting/faq/{board}.csv", searched[f"faq_{board}"] / f"{board}.csv"
        pd.testing.assert_frame_equal(read_table(there), read_table(here))
        best = read_json(azure_runs.cluster.folder / f"work/06_models/faq/{name}_best.json")
        assert {key: best[key] for key in best if key != "trial_seconds"} == read_best(data_root, name)
    outputs = azure_runs.of("faq").outputs
    assert figures(outputs["faq_metrics"] / "metrics.json") == figures(data_root / "08_reporting/faq/metrics.json")
    settings = [
        read_json(path)["settings"]
        for path in (outputs["faq_rankers"] / "rankers.json", data_root / "06_models/faq/rankers.json")
    ]
    assert settings[0] == settings[1]
    (version,) = azure_runs.cluster.assets.versions("triptych_faq_matcher")
    assert (version / "matcher" / "ranker.json").read_bytes() == (
        data_root / "06_models/faq/matcher/ranker.json"
    ).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_every_node_is_a_step_and_nothing_that_is_read_is_empty(name: str, azure_runs: AzureRuns) -> None:
    run = azure_runs.of(name)
    assert sorted(step.name for step in run.steps) == nodes_of(name)
    # These lie in storage, under work_root, where later jobs find them.
    left_empty = {output for step in run.steps for output in step.empty_outputs}
    kept = {"faq_tune": {"faq_ranker_best", "faq_reference_best"}, "video": {"video_confirmed"}}
    assert left_empty == kept.get(name, set())


@pytest.mark.parametrize("name", ["faq", "shelf", "video"])
def test_every_step_uses_the_mlflow_run_that_azure_made(name: str, azure_runs: AzureRuns) -> None:
    from mlflow import MlflowClient

    steps = azure_runs.of(name).steps
    client = MlflowClient(azure_runs.cluster.tracking_uri(name))
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == len(steps)
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.info.run_name.replace(".", "_") for run in runs} == {step.name for step in steps}
    # What kedro-mlflow notes of the node's parameters.
    assert any(key.startswith(f"{name}.") for run in runs for key in run.data.params)


@pytest.mark.parametrize(("name", "model"), [("faq", "faq-matcher"), ("shelf", "shelf-detector")])
def test_versions_carry_the_commit_that_was_sent(name: str, model: str, azure_runs: AzureRuns) -> None:
    from mlflow import MlflowClient

    azure_runs.of(name)
    versions = MlflowClient(azure_runs.cluster.tracking_uri(name)).search_model_versions(f"name='{model}'")
    sent = git(azure_runs.cluster.folder / "project", "rev-parse", "HEAD")
    assert {version.tags.get("triptych.git_commit") for version in versions} == {sent}


def test_distributed_nodes_get_the_nodes_that_parameters_ask_for(azure_runs: AzureRuns) -> None:
    shelf = {step.name: step for step in read_pipeline(azure_runs.cluster.compiled["shelf"])}
    video = {step.name: step for step in read_pipeline(azure_runs.cluster.compiled["video"])}
    training, stylizing = shelf["shelf_train_detector"], video["video_stylize_segments"]
    assert (training.kind, training.nodes, training.processes_per_node) == ("pytorch", 2, 1)
    assert (stylizing.kind, stylizing.nodes, stylizing.processes_per_node) == ("mpi", 3, 1)
