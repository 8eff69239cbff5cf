"""Which nodes to go on from, and how the command is written."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.framework.cli.project import run as run_command
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset

from triptych.hooks.resume import nodes_to_resume_from, resume_command


def pass_on(*values: Any) -> Any:
    return values


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Pipeline, set[str], set[str]]:
    """Draw a pipeline, what is done (with all it needed) and which datasets are in memory only."""
    count = draw(st.integers(1, 7))
    parents = [draw(st.sets(st.integers(0, place - 1))) if place else set() for place in range(count)]
    done: set[int] = set()
    for place in range(count):
        if parents[place] <= done and draw(st.booleans()):
            done.add(place)
    nodes = [
        Node(
            pass_on,
            [f"d{parent}" for parent in sorted(parents[place])] or "raw",
            f"d{place}",
            name=f"n{place}",
        )
        for place in range(count)
    ]
    memory = draw(st.sets(st.sampled_from([f"d{place}" for place in range(count)])))
    return Pipeline(nodes), {f"n{place}" for place in done}, memory


def test_what_comes_after_gets_what_was_in_memory_too() -> None:
    nodes = [
        Node(pass_on, "raw", "d0", name="n0"),
        Node(pass_on, "raw", "d1", name="n1"),
        Node(pass_on, ["d0", "d1"], "d2", name="n2"),
        Node(pass_on, ["d0"], "d3", name="n3"),
    ]
    catalog = DataCatalog({"d0": MemoryDataset(), "d1": MemoryDataset(), "d2": JSONDataset(filepath="d2.json")})
    # n3 needs n0 anew, after which n2 runs again, and needs n1.
    assert nodes_to_resume_from(Pipeline(nodes), {"n0", "n1", "n2"}, catalog) == ["n0", "n1"]


@settings(max_examples=400)
@given(graphs())
def test_going_on_runs_all_that_is_unfinished_and_finds_every_input(
    graph: tuple[Pipeline, set[str], set[str]],
) -> None:
    pipeline, done, memory = graph
    files = {name: JSONDataset(filepath=f"{name}.json") for name in pipeline.datasets() - memory}
    catalog = DataCatalog({**files, **{name: MemoryDataset() for name in memory}})
    start = nodes_to_resume_from(pipeline, done, catalog)
    if len(done) == len(pipeline.nodes):
        assert start == []
        return
    rerun = pipeline.from_nodes(*start)
    assert {node.name for node in pipeline.nodes} - done <= {node.name for node in rerun.nodes}
    assert not rerun.inputs() & memory
    # None is named that another one leads to.
    assert all(
        name not in {n.name for n in pipeline.from_nodes(other).nodes}
        for name in start
        for other in start
        if other != name
    )
    if not memory:
        assert not done & set(start)


@pytest.mark.parametrize(
    "params",
    [
        {"data_root": "/with space/$x"},
        {"faq": {"split": {"seed": 3, "share": 0.5, "on": True, "none": None}}, "name": "12"},
        {"faq": {"tags": ["it's"]}},
    ],
)
def test_params_come_back_as_they_were(params: dict[str, Any]) -> None:
    words = shlex.split(resume_command({"runtime_params": params}, ["a"]))
    assert run_command.make_context("run", words[2:]).params["params"] == params


def test_every_option_is_kept_and_from_nodes_replaced() -> None:
    run_params = {
        "env": "test",
        "pipeline_names": ["faq", "faq_score"],
        "tags": ("a", "b"),
        "namespaces": ["faq"],
        "node_names": ("x",),
        "from_nodes": ["old"],
        "to_nodes": ["faq.end"],
        "from_inputs": ["faq.raw"],
        "to_outputs": ["faq.report"],
        "load_versions": {"faq.model": "2026-01-01T00.00.00.000Z"},
        "only_missing_outputs": True,
        "runner": "<kedro.runner.parallel_runner.ParallelRunner object at 0x7f>",
    }
    words = shlex.split(resume_command(run_params, ["b", "a"]))
    options = run_command.make_context("run", words[2:]).params
    assert options["from_nodes"] == ["a", "b"]
    expected = {**run_params, "pipelines": ["faq", "faq_score"], "runner": "ParallelRunner"}
    for name in ("env", "pipelines", "to_nodes", "to_outputs", "from_inputs", "load_versions", "runner"):
        assert options[name] == expected[name], name
    assert [list(options[name]) for name in ("tags", "namespaces", "node_names")] == [
        ["a", "b"],
        ["faq"],
        ["x"],
    ]
    assert options["only_missing_outputs"] is True


def test_options_hooks_do_not_see_come_from_the_command_that_runs() -> None:
    words = ["--runner", "ParallelRunner", "--runner-params", "max_workers=2"]
    with run_command.make_context("run", list(words)):
        command = resume_command({"runner": "x"}, ["a"])
    assert shlex.split(command)[2:6] == words


def test_the_program_is_called_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [".venv/bin/kedro", "run"])
    assert resume_command({}, ["a"]).startswith(".venv/bin/kedro run")
    monkeypatch.setattr("sys.argv", ["pytest"])
    assert resume_command({}, ["a"]).startswith("kedro run")


def test_a_step_of_azure_ml_is_submitted_again_as_a_whole() -> None:
    run_params = {
        "env": "azure",
        "pipeline_names": ["faq"],
        "runner": "<kedro_azureml.runner.AzurePipelinesRunner object at 0x7f>",
        "runtime_params": {"data_root": "/a/x y"},
    }
    command = resume_command(run_params, ["faq.ingest_posts"])
    assert shlex.split(command) == [
        *("kedro", "azureml", "-e", "azure", "run", "-p", "faq"),
        *("--params", '{"data_root": "/a/x y"}'),
    ]
