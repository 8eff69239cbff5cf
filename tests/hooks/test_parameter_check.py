"""Wrong parameters stop a session before anything is loaded."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.session import KedroSession

from triptych.parameters import ParametersError


def test_nodes_get_typed_values(run_toy: Callable[..., Path]) -> None:
    # Node `draw` asserts that tuples are tuples and blocks in blocks are built.
    data_root = run_toy(params={"toy": {"draw": {"offsets": [5]}}})
    assert json.loads((data_root / "joined.json").read_text()) == [0.0, 2.0, 4.0, 0.0, 2.0, 4.0]


def test_an_environment_changes_only_what_it_names(run_toy: Callable[..., Path]) -> None:
    data_root = run_toy(env="test")
    assert json.loads((data_root / "numbers.json").read_text()) == [0.0, 2.0]


def test_the_parameters_of_pipelines_that_kedro_does_not_load_are_checked_too(run_project: Callable[..., Path]) -> None:
    with pytest.raises(ParametersError, match="shelf.training.epochs: must be above 0, got 0"):
        run_project("faq", env="test", params={"shelf": {"training": {"epochs": 0}}})


@pytest.mark.parametrize("env", ["azure", "test", "base"])
def test_what_the_project_ships_is_not_set_explicitly(
    project: Path, own_tracking: dict[str, str], restored: None, env: str
) -> None:
    session: Any
    params = {"shelf": {"training": {"seed": 3}}, **own_tracking}
    with KedroSession.create(project, env=env, runtime_params=params) as session:
        parameters = session.load_context().params
    explicit = {
        f"{workload}.{name}": block.model_fields_set
        for workload, blocks in parameters.items()
        if workload not in own_tracking
        for name, block in blocks.items()
        if block.model_fields_set
    }
    assert explicit == {"shelf.training": {"seed"}}


def test_every_problem_is_listed_with_its_source_and_nothing_runs(
    run_toy: Callable[..., Path], tmp_path: Path, empty_tracking: Path
) -> None:
    wrong = {"toy": {"draw": {"cuont": 1, "scale": 0, "coin": {"bias": 2}}}, "data_rot": "x"}
    with pytest.raises(ParametersError) as caught:
        run_toy(to_nodes=["toy.left"], params=wrong)
    problems = {problem.key: problem for problem in caught.value.problems}
    assert set(problems) == {"toy.draw.cuont", "toy.draw.scale", "toy.draw.coin.bias", "data_rot"}
    assert "did you mean 'data_root'?" in problems["data_rot"].message
    assert problems["toy.draw.scale"].source == "--params"
    assert not (tmp_path / "data").exists()
    assert (tmp_path / "mlflow.db").read_bytes() == empty_tracking.read_bytes()


def test_a_list_in_the_place_of_a_block_is_named_with_its_file(project: Path, tmp_path: Path, restored: None) -> None:
    conf: Path = shutil.copytree(project / "conf", tmp_path / "conf")
    local = conf / "local" / "faq" / "parameters.yml"
    local.parent.mkdir(parents=True, exist_ok=True)
    local.write_text("faq:\n  ranker_search:\n    space:\n      num_leaves: [4, 8]\n", encoding="utf-8")
    given = {"faq": {"ingest": {"tags": {"a": 1}}}}
    with pytest.raises(ParametersError) as caught:
        KedroSession.create(project, conf_source=str(conf), runtime_params=given).load_context()
    first, second = map(str, caught.value.problems)
    assert first == "faq.ingest.tags: must be a list, got {'a': 1} (--params)"
    assert second.startswith("faq.ranker_search.space.num_leaves: must be a block of keys, got [4, 8] (")
    assert second.endswith("local/faq/parameters.yml:4)")


def test_a_file_in_another_encoding_is_named(project: Path, tmp_path: Path, restored: None) -> None:
    conf: Path = shutil.copytree(project / "conf", tmp_path / "conf")
    (conf / "local").mkdir(exist_ok=True)
    (conf / "local" / "parameters.yml").write_bytes("# Größe\nfaq: {ranker: {rounds: 3}}".encode("latin-1"))
    with pytest.raises(ParametersError, match=r"local.parameters\.yml: is not UTF-8 \(byte 4\): save it as UTF-8"):
        KedroSession.create(project, conf_source=str(conf)).load_context()


def test_a_file_that_is_no_yaml_or_no_block_is_named(project: Path, tmp_path: Path, restored: None) -> None:
    conf: Path = shutil.copytree(project / "conf", tmp_path / "conf")
    texts = {"twice": "a: 1\nb: 2\na: 3\n", "list": "- a\n", "tab": "a:\n\tb: 1\n", "two": "a: 1\n---\nb: 1\n"}
    (conf / "local").mkdir(exist_ok=True)
    for name, text in texts.items():
        (conf / "local" / f"parameters_{name}.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ParametersError) as caught:
        KedroSession.create(project, conf_source=str(conf)).load_context()
    told = [str(problem).removeprefix(f"{conf}/local/parameters_") for problem in caught.value.problems]
    tab = told.pop(1)  # which libyaml words otherwise than PyYAML
    assert tab.startswith("tab.yml: cannot be read: found character ")
    assert tab.endswith("that cannot start any token (line 2)")
    assert told == [
        "list.yml: must hold a block of keys, not a list",
        "twice.yml: cannot be read: found duplicate key a (line 3)",
        "two.yml: cannot be read: but found another document (line 2)",
    ]


def test_a_place_that_would_become_an_odd_folder_is_refused(project: Path, tmp_path: Path, restored: None) -> None:
    conf: Path = shutil.copytree(project / "conf", tmp_path / "conf")
    (conf / "local").mkdir(exist_ok=True)
    (conf / "local" / "globals.yml").write_text("data_root: ~/out\nfaq_raw:\n", encoding="utf-8")
    with pytest.raises(ParametersError) as caught:
        KedroSession.create(project, conf_source=str(conf), runtime_params={"shelf_raw": None}).load_context()
    assert [str(problem) for problem in caught.value.problems] == [
        "shelf_raw: is empty: leave it out, or fill it (--params)",
        "data_root: starts with ~, which only a shell knows: write the path in full, got '~/out' (globals.yml)",
        "faq_raw: is empty: leave it out, or fill it (globals.yml)",
    ]
