"""All that we use of Kedro and its plugins without their promise to keep it: private names, and modules they do not
document.

Look here first when one of them is upgraded. Each test names the files that rely on something and says on what; one
finds what is not listed. pyproject.toml keeps these packages at their minor version.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import logging
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from kedro.framework.project import pipelines
from kedro.io import DataCatalog, MemoryDataset, SharedMemoryDataset
from kedro.pipeline import Node, Pipeline
from kedro.runner import ParallelRunner, SequentialRunner, ThreadRunner
from kedro_datasets.json import JSONDataset

import triptych.datasets

SRC = Path(triptych.datasets.__file__).parents[1]
FAMILY = ("kedro", "kedro_azureml", "kedro_datasets", "kedro_mlflow", "kedro_viz")
# What their documentation lets everybody import.
PUBLIC = {
    *("kedro.config", "kedro.framework.context", "kedro.framework.hooks", "kedro.framework.project"),
    *("kedro.framework.startup", "kedro.io", "kedro.pipeline", "kedro.validation"),
    *("kedro_azureml.datasets", "kedro_azureml.distributed"),
    *("kedro_datasets.json", "kedro_datasets.pandas", "kedro_datasets.plotly", "kedro_datasets.text"),
}
# What Kedro asks authors of datasets to write.
OF_DATASETS = {"_describe", "_exists", "_abc_impl"}
LISTED: set[tuple[str, str]] = set()
Test = TypeVar("Test", bound=Callable[..., None])


@contextlib.contextmanager
def recorded(name: str) -> Iterator[list[logging.LogRecord]]:
    """Note what a logger and those below it say, also after Kedro has configured logging, which caplog does not."""
    records: list[logging.LogRecord] = []

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    logger, notes = logging.getLogger(name), Notes()
    below = [each for each in logging.root.manager.loggerDict if each.startswith(name)]
    kept = {each: (logging.getLogger(each).disabled, logging.getLogger(each).filters) for each in below}
    before = logger.level
    logger.addHandler(notes)
    logger.setLevel(logging.INFO)
    for each in below:
        logging.getLogger(each).disabled, logging.getLogger(each).filters = False, []  # our own hook filters advice
    try:
        yield records
    finally:
        logger.removeHandler(notes)
        logger.setLevel(before)
        for each, (disabled, filters) in kept.items():
            logging.getLogger(each).disabled, logging.getLogger(each).filters = disabled, filters


def relied_on(*names: str, by: str) -> Callable[[Test], Test]:
    """Note which file relies on what the test proves."""
    LISTED.update((by, name) for name in names)
    return lambda test: test


def add(a: int, b: int) -> int:
    return a + b


def fail(a: int) -> int:
    raise RuntimeError


@relied_on("_inputs", by="parameters/check.py")
@relied_on("_outputs", by="hooks/primary_rank.py")
@pytest.mark.parametrize("inputs", [["params:x", "params:y"], {"b": "params:x", "a": "params:y"}])
@pytest.mark.parametrize("outputs", ["z", ["z"], {"sum": "z"}])
def test_a_node_keeps_inputs_and_outputs_in_the_form_they_were_given_in(inputs: Any, outputs: Any) -> None:
    node = Node(add, inputs, outputs, name="add")
    assert (node._inputs, node._outputs) == (inputs, outputs)
    (within,) = Pipeline([node], namespace="n").nodes
    assert type(within._inputs) is type(inputs)
    assert type(within._outputs) is type(outputs)


@relied_on("_requested_pipelines", by="hooks/registered_pipelines.py")
def test_the_pipelines_a_command_asked_for_can_be_read_and_set_again() -> None:
    try:
        for names in (["faq"], None):
            pipelines.set_requested(names)
            assert pipelines._requested_pipelines == names
    finally:
        pipelines.set_requested(None)


@relied_on("_EPHEMERAL", by="hooks/resume.py")
def test_datasets_in_memory_say_so() -> None:
    in_memory: list[Any] = [MemoryDataset(), SharedMemoryDataset()]
    assert all(dataset._EPHEMERAL for dataset in in_memory)
    assert not JSONDataset(filepath="x.json")._EPHEMERAL


@relied_on("_suggest_resume_scenario", by="hooks/run_report.py")
def test_a_runner_gives_its_advice_in_one_method_and_in_its_own_module() -> None:
    catalog, nodes = DataCatalog({"a": MemoryDataset(1)}), [Node(fail, "a", "b", name="fail")]
    with recorded("kedro.runner") as records, pytest.raises(RuntimeError):
        SequentialRunner().run(Pipeline(nodes), catalog)
    places = {(record.module, record.funcName) for record in records}
    assert places == {("sequential_runner", "_run"), ("runner", "_suggest_resume_scenario")}
    names = [runner.__module__ for runner in (SequentialRunner, ParallelRunner, ThreadRunner)]
    assert names == [f"kedro.runner.{name}_runner" for name in ("sequential", "parallel", "thread")]


@relied_on("_add_from_config", by="hooks/azure_catalog.py")
def test_a_catalog_can_be_given_another_entry_with_its_validator() -> None:
    entry = {"type": "json.JSONDataset", "filepath": "a.json", "validator": "builtins.list"}
    catalog = DataCatalog.from_config({"a": entry})
    catalog._add_from_config("a", {**entry, "type": "text.TextDataset"})
    assert type(catalog["a"]).__name__ == "TextDataset"
    assert catalog.validators == {"a": "builtins.list"}


@relied_on("_protocol", "_filepath", "_version", "_get_save_path", by="datasets/atomic.py")
@relied_on("_filepath", by="hooks/search_restart.py")
@pytest.mark.parametrize("name", ["CSVDataset", "JSONDataset", "ParquetDataset", "PlotlyDataset", "TextDataset"])
def test_a_file_dataset_writes_to_the_path_it_holds(name: str, tmp_path: Path) -> None:
    dataset = getattr(triptych.datasets, name)(filepath=str(tmp_path / "a"))
    assert (dataset._protocol, dataset._version) == ("file", None)
    assert Path(dataset._filepath) == Path(dataset._get_save_path()) == tmp_path / "a"
    dataset._filepath = dataset._filepath.with_name("b")
    assert Path(dataset._get_save_path()) == tmp_path / "b"


@relied_on("_save", "_local_run", by="datasets/mounted.py")
def test_a_dataset_of_kedro_azureml_saves_below_its_root(tmp_path: Path) -> None:
    from kedro_azureml.datasets import AzureMLAssetDataset, AzureMLPipelineDataset

    inner = {"type": "kedro_datasets.json.JSONDataset", "filepath": "a.json"}
    asset = AzureMLAssetDataset("asset", inner, root_dir=str(tmp_path / "asset"))
    assert asset._local_run
    asset.as_remote()
    assert not asset._local_run
    for dataset in (asset, AzureMLPipelineDataset(inner, root_dir=str(tmp_path / "asset"))):
        dataset._save(1)
        (tmp_path / "asset" / "a.json").unlink()


@relied_on("kedro_datasets._typing.ImagePreview", by="datasets/picture.py")
def test_kedro_viz_knows_a_picture_by_the_name_of_its_type() -> None:
    from kedro_datasets._typing import ImagePreview

    assert ImagePreview.__name__ == "ImagePreview"
    assert inspect.signature(triptych.datasets.PictureDataset.preview).return_annotation == "ImagePreview"


@relied_on("kedro.framework.cli.utils.find_run_command", by="__main__.py")
@relied_on("kedro.framework.cli.project.run", by="azure/cli.py")
@relied_on("kedro.framework.cli.project.run", by="jobs/cli.py")
def test_the_run_command_can_be_found_and_read() -> None:
    from kedro.framework.cli.project import run
    from kedro.framework.cli.utils import find_run_command

    assert find_run_command("triptych") is run
    assert run.make_context("x", ["--params", "a.b=1"]).params["params"] == {"a": {"b": 1}}
    assert "from_nodes" in run.make_context("x", []).params


@relied_on("kedro_mlflow.framework.hooks.mlflow_hook.mlflow_hook", by="hooks/mlflow_tracking.py")
def test_our_hook_listens_to_all_that_kedro_mlflow_listens_to() -> None:
    from kedro_mlflow.framework.hooks.mlflow_hook import mlflow_hook

    from triptych.hooks import MlflowTracking

    theirs, ours = (
        {name: list(inspect.signature(method).parameters) for name, method in inspect.getmembers(hook, is_hook)}
        for hook in (mlflow_hook, MlflowTracking())
    )
    assert theirs == ours


def is_hook(member: object) -> bool:
    return inspect.ismethod(member) and hasattr(member, "kedro_impl")


@relied_on("kedro_azureml.constants.DISTRIBUTED_CONFIG_FIELD", by="hooks/primary_rank.py")
@relied_on("kedro_azureml.constants.DISTRIBUTED_CONFIG_FIELD", by="azure/faults.py")
@relied_on("kedro_azureml.distributed.config.Framework", by="pipelines/shelf/nodes.py")
@relied_on("kedro_azureml.distributed.config.Framework", by="pipelines/shelf_score/nodes.py")
@relied_on("kedro_azureml.distributed.config.Framework", by="pipelines/video/nodes.py")
def test_a_distributed_function_carries_a_mark() -> None:
    from kedro_azureml.constants import DISTRIBUTED_CONFIG_FIELD
    from kedro_azureml.distributed import distributed_job
    from kedro_azureml.distributed.config import Framework

    assert {Framework.PyTorch, Framework.MPI} <= set(Framework)
    assert hasattr(distributed_job(Framework.MPI, num_nodes=2)(lambda: None), DISTRIBUTED_CONFIG_FIELD)


@relied_on("kedro_azureml.config.AzureMLConfig", by="hooks/azure_catalog.py")
@relied_on("kedro_azureml.manager.KedroContextManager", by="azure/compilation.py")
@relied_on("kedro_azureml.generator.AzureMLPipelineGenerator", by="azure/compilation.py")
@relied_on("kedro_azureml.generator.ConfigException", by="azure/compilation.py")
@relied_on("kedro_azureml.auth.utils.get_azureml_credentials", by="azure/workspace.py")
def test_what_kedro_azureml_is_made_of_takes_what_we_give_it() -> None:
    from kedro_azureml.auth.utils import get_azureml_credentials
    from kedro_azureml.config import AzureMLConfig
    from kedro_azureml.generator import AzureMLPipelineGenerator, ConfigException
    from kedro_azureml.manager import KedroContextManager

    inspect.signature(get_azureml_credentials).bind()
    inspect.signature(KedroContextManager).bind("azure", "/project", {})
    inspect.signature(AzureMLPipelineGenerator).bind("faq", "azure", {}, {}, DataCatalog(), params="")
    assert {"generate", "get_kedro_pipeline"} <= set(dir(AzureMLPipelineGenerator))
    assert {"context", "plugin_config"} <= set(dir(KedroContextManager))
    assert {"workspace_name", "environment_name", "compute"} <= set(AzureMLConfig.model_fields)
    assert not issubclass(ConfigException, Exception)  # `except Exception` would let it through


def imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield module and name of what a file imports of Kedro and its plugins."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FAMILY:
            yield from ((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] in FAMILY)


def borrowed_names(tree: ast.Module) -> set[str]:
    """List the private names that a file reads or sets and does not define."""
    used: set[str] = set()
    own: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            sets = isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self"
            (own if sets else used).add(node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("attr"):
            used |= {arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            own.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
    return {name for name in used - own if name.startswith("_") and not name.endswith("__")}


def overridden_names() -> Iterator[tuple[str, str]]:
    """Yield file and name of each private method of Kedro or a plugin that a dataset of ours takes the place of."""
    for info in pkgutil.iter_modules(triptych.datasets.__path__, "triptych.datasets."):
        module = importlib.import_module(info.name)
        for _, cls in inspect.getmembers(module, inspect.isclass):
            theirs = [base for base in cls.__mro__ if base.__module__.split(".")[0] in FAMILY]
            for base in cls.__mro__ if theirs else ():
                if base.__module__ == info.name:
                    taken = {name for name in vars(base) for parent in theirs if name in vars(parent)}
                    private = {name for name in taken if name.startswith("_") and not name.endswith("__")}
                    yield from ((f"datasets/{info.name.split('.')[-1]}.py", name) for name in private - OF_DATASETS)


def test_nothing_else_is_used() -> None:
    found = set(overridden_names())
    for path in SRC.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if imported := set(imports(tree)):
            file = path.relative_to(SRC).as_posix()
            found |= {(file, f"{module}.{name}") for module, name in imported if module not in PUBLIC}
            found |= {(file, name) for name in borrowed_names(tree)}
    assert found - LISTED == set(), "list it above, with a test of what we rely on"
    unused = {(file, name) for file, name in LISTED if name.split(".")[-1] not in (SRC / file).read_text("utf-8")}
    assert unused == set(), "no longer used: take it off the list"


def test_a_use_that_is_not_listed_is_found() -> None:
    code = "from kedro.io.core import get_protocol_and_path\nclass A:\n    def f(self, node):\n"
    tree = ast.parse(
        code + "        self._mine = node._func\n        return self._mine, self._theirs, getattr(node, '_x')"
    )
    assert set(imports(tree)) == {("kedro.io.core", "get_protocol_and_path")}
    assert borrowed_names(tree) == {"_func", "_theirs", "_x"}
