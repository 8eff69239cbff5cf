"""What every workload keeps to, checked on the registered pipelines and the catalog of each environment."""

from __future__ import annotations

import inspect
import re
import typing
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.pipeline import Node, Pipeline

from triptych.parameters import build_parameters, parameter_blocks, runtime_names
from triptych.parameters.base import check_value
from triptych.pipeline_registry import register_pipelines
from triptych.settings import CONFIG_LOADER_ARGS

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = sorted(path.name for path in (ROOT / "conf").iterdir() if path.is_dir())
RUNTIME = {"data_root": "/elsewhere", "work_root": "/elsewhere/work"}
PIPELINES = register_pipelines()
NODES = {node.name: node for pipeline in PIPELINES.values() for node in pipeline.nodes}
LAYERS = ["raw", "intermediate", "primary", "feature", "model_input", "models", "model_output", "reporting"]
DATASETS = sorted({name for pipeline in PIPELINES.values() for name in pipeline.datasets()})
each_node = pytest.mark.parametrize("node", NODES.values(), ids=NODES)
each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS)


def loader(environment: str, runtime: dict[str, Any] | None = None) -> OmegaConfigLoader:
    arguments: dict[str, Any] = {**CONFIG_LOADER_ARGS, "default_run_env": environment}
    return OmegaConfigLoader(str(ROOT / "conf"), runtime_params=runtime or {}, **arguments)


def catalog_config(environment: str, runtime: dict[str, Any] | None = None) -> dict[str, Any]:
    return dict(loader(environment, runtime)["catalog"])


@each_environment
def test_every_parameters_file_loads_into_its_models(environment: str) -> None:
    folders = [ROOT / "conf" / name for name in ("base", environment)]
    parameters = loader(environment)["parameters"]
    _, problems, warnings = build_parameters(parameters, PIPELINES, {}, runtime_names(folders))
    assert [str(problem) for problem in problems + warnings] == []


BLOCKS = parameter_blocks(PIPELINES)


@cache
def base_parameters() -> dict[str, Any]:
    return dict(loader("base")["parameters"])


@pytest.mark.parametrize("key", BLOCKS)
def test_the_defaults_of_a_block_are_the_values_of_conf_base(key: str) -> None:
    value: Any = base_parameters()
    for name in key.split("."):
        value = value[name]
    block = BLOCKS[key]
    required = {name for name, field in block.model_fields.items() if field.is_required()}
    given = check_value(block, value)
    assert block(**{name: getattr(given, name) for name in required}) == given


@each_environment
def test_every_file_in_conf_is_one_that_is_read(environment: str) -> None:
    kinds = ("catalog", "parameters", "globals", "credentials", "mlflow", "azureml", "service", "jobs")
    for path in (ROOT / "conf" / environment).rglob("*.y*ml"):
        parts = path.relative_to(ROOT / "conf" / environment).parts
        assert any(part.startswith(kinds) for part in parts), f"{path} matches no pattern, a typo in its name?"


@pytest.mark.parametrize("name", DATASETS)
def test_names_are_workload_dot_thing(name: str) -> None:
    assert re.fullmatch(r"(params:)?[a-z]+\.[a-z][a-z0-9_]*", name)


def is_of_search(node: Node) -> bool:
    return node.func.__module__ == "triptych.tuning.nodes"


@each_node
def test_a_node_is_called_as_its_function_in_its_workload(node: Node) -> None:
    assert node.namespace is not None
    of_workload = re.fullmatch(rf"triptych\.pipelines\.{node.namespace}(_\w+)?\.nodes", node.func.__module__)
    assert of_workload or is_of_search(node) or node.func.__module__ == "triptych.drift.nodes"
    # Which search; or of several that share its trials, which rung and slot.
    suffix = r"_[a-z]+" if is_of_search(node) else r"_r\d+_\d\d" if "trials" in node.tags else ""
    assert re.fullmatch(rf"{node.namespace}\.{node.func.__name__}{suffix}", node.name)


@each_node
def test_a_node_touches_only_its_own_workload(node: Node) -> None:
    workloads = {name.removeprefix("params:").split(".")[0] for name in [*node.inputs, *node.outputs]}
    assert workloads == {node.namespace}


@each_node
def test_a_node_is_annotated_and_its_inputs_are_in_the_order_of_its_arguments(node: Node) -> None:
    signature = inspect.signature(node.func)
    hints = typing.get_type_hints(node.func)
    assert set(hints) == {*signature.parameters, "return"}
    if isinstance(node._inputs, dict):  # Kedro matches parameters to types by position
        assert list(node._inputs) == list(signature.parameters)[: len(node._inputs)]


@each_environment
def test_every_dataset_is_in_the_catalog_and_none_is_in_memory(environment: str) -> None:
    catalog = DataCatalog.from_config(catalog_config(environment))
    for name in DATASETS:
        if not name.startswith("params:"):
            assert name in catalog, f"{name} would pass in memory"
            dataset = catalog.get(name)
            assert not getattr(dataset, "_EPHEMERAL", False), name


@each_environment
def test_no_catalog_entry_is_unused(environment: str) -> None:
    resolver = DataCatalog.from_config(catalog_config(environment)).config_resolver
    explicit = set(resolver.config)
    patterns = {resolver.match_dataset_pattern(name) for name in set(DATASETS) - explicit}
    assert set(catalog_config(environment)) <= set(DATASETS) | patterns


@each_environment
def test_a_pattern_stands_for_datasets_of_a_search_only(environment: str) -> None:
    resolver = DataCatalog.from_config(catalog_config(environment)).config_resolver
    searched = [node for node in NODES.values() if is_of_search(node) or "trials" in node.tags]
    of_search = {output for node in searched for output in node.outputs}
    matched = {name for name in set(DATASETS) - set(resolver.config) if resolver.match_dataset_pattern(name)}
    assert matched == of_search


@each_environment
def test_every_output_moves_with_data_root(environment: str) -> None:
    resolver = DataCatalog.from_config(catalog_config(environment, RUNTIME)).config_resolver
    for name in {output for node in NODES.values() for output in node.outputs}:
        entry = resolver.resolve_pattern(name)
        if "azureml_dataset" in entry:
            continue  # Azure says where it lies
        paths = [value for key, value in entry.items() if key in ("filepath", "path")]
        paths += [entry["checkpoint"]["filepath"]] if "checkpoint" in entry else []
        assert paths, f"{name} has no path"
        assert paths[0].startswith("/elsewhere/"), name


@each_environment
def test_what_outlives_a_job_moves_with_work_root(environment: str) -> None:
    resolver = DataCatalog.from_config(catalog_config(environment, {"work_root": "/work"})).config_resolver
    entries = {name: resolver.resolve_pattern(name) for name in DATASETS if not name.startswith("params:")}
    kept = {name: str(entry) for name, entry in entries.items() if "/work/" in str(entry)}
    assert set(kept) == {
        "faq.ranker_best", "faq.reference_best", "shelf.checkpoints", "shelf.detector_best", "shelf.scored",
        "faq.request_log", "shelf.request_log",
        "video.confirmed", "video.landing", "video.preview_landing", "video.records", "video.segments",
    }  # fmt: skip


@each_environment
def test_every_dataset_is_on_a_layer_of_kedro_viz_and_in_its_folder(environment: str) -> None:
    folders = {layer: f"{place:02}_{layer}" for place, layer in enumerate(LAYERS, start=1)}
    for name, entry in catalog_config(environment, RUNTIME).items():
        layer = entry.get("metadata", {}).get("kedro-viz", {}).get("layer")
        assert layer in LAYERS, name
        path = str(entry.get("filepath") or entry.get("path"))
        if path.startswith("/elsewhere/"):
            assert folders[layer] in Path(path).parts, name


@each_environment
def test_kedro_viz_shows_the_layers_of_every_pipeline_in_their_order(environment: str) -> None:
    from kedro_viz.data_access import DataAccessManager

    viz = DataAccessManager()
    viz.add_catalog(DataCatalog.from_config(catalog_config(environment)), PIPELINES)
    viz.add_pipelines(PIPELINES)
    for name in PIPELINES:
        used = {getattr(node, "layer", None) for node in viz.get_nodes_for_registered_pipeline(name)}
        # It lists those of other pipelines too, but shows what has a dataset.
        order = [layer for layer in viz.get_sorted_layers_for_registered_pipeline(name) if layer in used]
        assert order == [layer for layer in LAYERS if layer in used], name


@pytest.mark.parametrize("name", sorted(set(PIPELINES) - {"__default__"}))
def test_a_pipeline_lies_within_one_namespace(name: str) -> None:
    pipeline: Pipeline = PIPELINES[name]
    assert {node.namespace for node in pipeline.nodes} == {name.split("_")[0]}
