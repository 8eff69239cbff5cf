"""Every way in which Kedro hands parameters to a node works beside blocks that are checked."""

from __future__ import annotations

import functools
import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from kedro.pipeline import Node, Pipeline
from kedro.runner import ParallelRunner

from triptych.parameters import ParametersError

LOCAL = """
mine:
  items: [1, a]
  nested: { deep: 2 }
"""
Run = Callable[..., None]


@pytest.fixture(scope="module")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a database for all runs: to make one takes longer than to run."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def run_nodes(
    run_toy: Callable[..., Path], project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mlflow_uri: str
) -> Run:
    """Return a function that runs nodes as a pipeline beside the throw-away project's own, with a conf/local."""

    def run(*nodes: Node, local: str = LOCAL, pipeline: str = "mine", **options: Any) -> None:
        monkeypatch.syspath_prepend(project / "tests" / "toy" / "src")
        from toy import pipeline_registry

        toy = pipeline_registry.register_pipelines()
        conf = tmp_path / "conf"
        shutil.copytree(project / "tests" / "toy" / "conf", conf, dirs_exist_ok=True)
        (conf / "local" / "parameters.yml").write_text(local)
        monkeypatch.setattr(pipeline_registry, "register_pipelines", lambda: {**toy, "mine": Pipeline(nodes)})
        params = {"mlflow_uri": mlflow_uri, **options.pop("params", {})}
        run_toy(pipeline, conf_source=str(conf), params=params, **options)

    return run


# Kedro 1.7 asks whether `Mapping[str, Any]` is a subclass, which Python 3.10 takes for a class.
reads_generic_types = pytest.mark.skipif(sys.version_info < (3, 11), reason="Kedro cannot read these types here")


SEEN: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    SEEN.clear()


def take_everything(parameters: dict[str, Any]) -> None:
    SEEN["everything"] = parameters


def take_dict(value: dict) -> None:  # type: ignore[type-arg]
    SEEN["dict"] = value


def take_mapping(value: Mapping[str, Any]) -> None:
    SEEN["mapping"] = value


def take_iterable(value: Iterable[Any]) -> None:
    SEEN["iterable"] = value


def take_list(value: list) -> None:  # type: ignore[type-arg]
    SEEN["list"] = value


def take_anything(value, name="anything"):  # type: ignore[no-untyped-def]
    SEEN[name] = value


def take_number(value: int) -> None:
    SEEN["number"] = value


@reads_generic_types
def test_dicts_lists_and_arguments_without_a_type(run_nodes: Run) -> None:
    run_nodes(
        Node(take_dict, "params:mine", None),
        Node(take_mapping, "params:mine", None),
        Node(take_list, "params:mine.items", None),
        Node(take_iterable, "params:mine.items", None),
        Node(take_anything, "params:mine.nested.deep", None),
        Node(functools.partial(take_anything, name="partial"), "params:mine.nested", None, name="partial"),
        Node(lambda value: take_anything(value, "lambda"), "params:mine.items", None, name="lambda"),  # type: ignore[no-untyped-call]
    )
    mine = {"items": [1, "a"], "nested": {"deep": 2}}
    assert SEEN.pop("dict") == SEEN.pop("mapping") == mine
    assert SEEN.pop("list") == SEEN.pop("iterable") == SEEN.pop("lambda") == mine["items"]
    assert SEEN.pop("partial") == mine["nested"]
    assert SEEN == {"anything": 2}


def test_all_parameters_as_one_dict(run_nodes: Run) -> None:
    run_nodes(Node(take_everything, "parameters", None))
    assert SEEN["everything"]["mine"]["nested"] == {"deep": 2}
    assert SEEN["everything"]["toy"]["draw"]["count"] == 3
    assert SEEN["everything"]["toy"]["draw"].count == 3


def test_a_value_within_a_block(run_nodes: Run) -> None:
    run_nodes(
        Node(take_number, "params:toy.draw.count", None),
        Node(take_anything, "params:toy.draw.coin", None),
        Node(functools.partial(take_anything, name="kind"), "params:toy.draw.kind", None, name="kind"),
        local="toy: { draw: { count: 7 } }",
    )
    assert SEEN["number"] == 7
    assert SEEN["anything"].bias == 0.25
    assert SEEN["kind"] == "odd"  # the default: no file names it


def test_a_block_that_another_node_takes_without_its_type(run_nodes: Run) -> None:
    run_nodes(Node(take_dict, "params:toy.draw", None), Node(take_anything, "params:toy", None), local="")
    assert type(SEEN["dict"]) is dict
    assert dict(**SEEN["dict"])["count"] == 3
    assert SEEN["anything"]["draw"].count == 3


def test_a_key_of_the_users_own_is_a_warning_with_its_place(run_nodes: Run, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "triptych"):
        run_nodes(Node(take_number, "params:toy.draw.count", None), local="mine: 1\nto: { draw: {} }\n_part: 2\n")
    told = [record.message for record in caplog.records if record.name.startswith("triptych")]
    assert [line.partition(" (")[0] for line in told] == [
        "mine: no node takes it",
        "to: no node takes it, did you mean 'toy'?",
    ]
    assert told[0].endswith("conf/local/parameters.yml:1)")
    assert SEEN == {"number": 3}


def test_a_key_of_the_users_own_is_no_warning_where_a_node_takes_everything(
    run_nodes: Run, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "triptych"):
        run_nodes(Node(take_everything, "parameters", None))
    assert [record for record in caplog.records if record.name.startswith("triptych")] == []


@pytest.mark.parametrize(
    "node", [Node(take_number, "params:toy.draw.count", None), Node(take_everything, "parameters", None)]
)
def test_an_unknown_key_in_a_block_stays_an_error(run_nodes: Run, node: Node) -> None:
    with pytest.raises(ParametersError, match="toy.draw.cuont: unknown key, did you mean 'count'"):
        run_nodes(node, local="toy: { draw: { cuont: 1 } }")
    assert SEEN == {}


def test_what_one_pipeline_lacks_does_not_stop_another(run_nodes: Run) -> None:
    needy = Node(take_number, "params:threshold", None)
    run_nodes(needy, local="", pipeline="toy")
    with pytest.raises(ValueError, match="params:threshold"):
        run_nodes(needy, local="")
    run_nodes(needy, local="", params={"threshold": 5})
    assert SEEN == {"number": 5}


def tell_set(draw):  # type: ignore[no-untyped-def]
    """Name the fields of a block, and of the block in it, that were set explicitly."""
    return [sorted(draw.model_fields_set), sorted(draw.coin.model_fields_set)]


@pytest.mark.parametrize(
    ("local", "options", "explicit"),
    [
        ("", {}, [[], []]),
        ("", {"env": "test"}, [[], []]),
        ("toy: { draw: { coin: { bias: 0.5 } } }", {}, [["coin"], ["bias"]]),
        ("", {"env": "test", "params": {"toy": {"draw": {"count": 3}}}}, [["count"], []]),
        (
            "toy: { draw: { scale: 2 } }",
            {"params": {"toy": {"draw": {"coin": {"bias": 0.1}}}}, "runner": ParallelRunner()},
            [["coin", "scale"], ["bias"]],
        ),
    ],
)
def test_nodes_are_told_what_was_set_by_params_or_in_conf_local(
    run_nodes: Run, tmp_path: Path, local: str, options: dict[str, Any], explicit: list[list[str]]
) -> None:
    run_nodes(Node(tell_set, "params:toy.draw", "toy.numbers"), local=local, **options)
    assert json.loads((tmp_path / "data" / "numbers.json").read_text()) == explicit


@reads_generic_types
def test_blocks_within_a_dict_are_dicts(run_nodes: Run) -> None:
    run_nodes(Node(take_mapping, "params:toy", None), local="")
    assert dict(**SEEN["mapping"]["draw"])["count"] == 3


@pytest.mark.parametrize(
    "local", ["_m: &m { count: 5 }\ntoy: { draw: { <<: *m } }", "_m: { count: 5 }\ntoy:\n  draw: ${_m}"]
)
def test_what_is_set_by_reference_counts_as_set(run_nodes: Run, local: str) -> None:
    run_nodes(Node(take_anything, "params:toy.draw", None), local=local)
    assert (SEEN["anything"].count, SEEN["anything"].model_fields_set >= {"count"}) == (5, True)
