"""Which nodes to go on from, and how the command is written."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.framework.cli.project import run as run_command
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro_datasets.json import JSONDataset

from triptych.hooks.resume import command_line, nodes_to_resume_from, resume_command

CONF = Path(__file__).parents[2] / "conf"


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


def options_of(words: Sequence[str]) -> dict[str, Any]:
    """Parse a command as `kedro run` would."""
    return dict(run_command.make_context("run", list(words[2:])).params)


def start(words: Sequence[str]) -> list[str]:
    """Note a command line while its command runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", list(words))
        with run_command.make_context("run", list(words[2:])):
            return command_line()


@pytest.mark.parametrize(
    "options",
    [
        ["--env", "test", "-r", "ParallelRunner", "--runner-params", "max_workers=2", "--async"],
        ["--pipelines", "faq,faq_score", "--tags=a,b", "-ns", "faq", "-n", "x", "--to-nodes", "faq.end"],
        ["--from-nodes", "old", "--from-inputs", "faq.raw", "--to-outputs", "faq.report"],
        [
            "--conf-source",
            str(Path(__file__).parents[2] / "conf"),
            "--load-versions",
            "faq.model:2026-01-01T00.00.00.000Z",
        ],
        ["--params", "data_root=/with space/$x"],
        ["--params", 'faq.split.seed=3,faq.split.share=0.5,faq.split.on=true,faq.split.none=null,name="12"'],
        ["--params", 'faq.tags=["it\'s"]'],
    ],
)
def test_every_option_is_kept_and_from_nodes_replaced(options: list[str]) -> None:
    words = ["kedro", "run", *options]
    command = shlex.split(resume_command(start(words), {}, ["a", "b"]))
    assert options_of(command) == {**options_of(words), "from_nodes": ["a", "b"]}
    again = shlex.split(resume_command(start(command), {}, ["b"]))
    assert options_of(again) == {**options_of(words), "from_nodes": ["b"]}
    assert len(again) == len(command)


def test_options_of_a_file_are_kept(tmp_path: Path) -> None:
    config = tmp_path / "run config.yml"
    config.write_text("run: {pipelines: faq, from_nodes: old, env: test}", encoding="utf-8")
    command = shlex.split(resume_command(start(["kedro", "run", "--config", str(config)]), {}, ["a"]))
    options = options_of(command)
    assert (options["pipelines"], options["env"], options["from_nodes"]) == (["faq"], "test", ["a"])


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"))))
def test_a_shell_reads_the_words_as_they_were(values: list[str]) -> None:
    words = ["kedro", "run", *values, "--env", "test"]
    assert shlex.split(resume_command(words, {}, ["a"])) == [*words, "--from-nodes", "a"]


@pytest.mark.parametrize(
    ("called", "expected"),
    [
        ("/somewhere/.venv/bin/kedro", "/somewhere/.venv/bin/kedro"),
        ("/site-packages/kedro/__main__.py", "kedro"),
        ("/src/triptych/__main__.py", "triptych"),
        (shutil.which("sh"), "sh"),
    ],
)
def test_the_program_is_called_as_it_was(called: str, expected: str) -> None:
    assert start([called, "run"]) == [expected, "run"]


def test_a_run_of_python_is_told_what_to_pass() -> None:
    words = command_line()
    assert resume_command(words, {}, ["a", "b"]) == "session.run(..., from_nodes=['a', 'b'])"
    missing = resume_command(words, {"only_missing_outputs": True}, ["a"])
    assert missing == "session.run(..., only_missing_outputs=True)"


def test_only_missing_outputs_is_asked_for_again() -> None:
    words = start(["kedro", "run", "--only-missing-outputs", "--from-nodes", "old"])
    assert shlex.split(resume_command(words, {"only_missing_outputs": True}, ["a"])) == words


def test_a_step_of_azure_ml_is_submitted_again_as_a_whole() -> None:
    run_params = {
        "env": "azure",
        "pipeline_names": ["faq"],
        "runner": "<kedro_azureml.runner.AzurePipelinesRunner object at 0x7f>",
        "runtime_params": {"data_root": "/a/x y"},
    }
    command = resume_command([], run_params, ["faq.ingest_posts"])
    assert shlex.split(command) == [
        *("kedro", "azureml", "-e", "azure", "run", "-p", "faq"),
        *("--params", '{"data_root": "/a/x y"}'),
    ]
