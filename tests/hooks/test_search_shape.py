"""A search has as many nodes as its parameters ask for, however the project is started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession
from kedro.pipeline import Pipeline
from kedro_azureml.datasets import AzureMLPipelineDataset

from triptych.parameters import ParametersError

Loaded = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def loaded(project: Path, own_tracking: dict[str, str], restored: None) -> Loaded:
    """Return what loads a context as a run does, and gives it; Kedro's pipelines are then those of its parameters."""

    @contextmanager
    def load(requested: list[str] | None = None, env: str | None = None, **search: Any) -> Iterator[Any]:
        pipelines.set_requested(requested)
        params = {"faq": {"ranker_search": search}, **own_tracking}
        try:
            session: Any  # typed as the abstract one by Kedro
            with KedroSession.create(project, env=env, runtime_params=params) as session:
                yield session.load_context()
        finally:
            pipelines.set_requested(None)

    return load


def nodes(search: str, name: str = "faq_tune") -> list[str]:
    return sorted(node.name for node in pipelines[name].only_nodes_with_tags(f"{search}_search").nodes)


def test_parameters_shape_the_pipeline(loaded: Loaded) -> None:
    with loaded():
        assert len(nodes("ranker")) == len(nodes("reference")) == 4 + 4 + 1 + 1
        assert len(pipelines["faq_tune"].nodes) == 23
    with loaded(slots=2, rungs=2, trials=32):
        trained = [f"faq.run_ranker_trials_r{rung}_{slot:02}" for rung in range(2) for slot in range(2)]
        assert nodes("ranker") == [*trained, "faq.select_best_ranker"]
        assert len(nodes("reference")) == 10
    with loaded():
        assert len(nodes("ranker")) == 10


def test_the_shape_stays_when_kedro_creates_the_pipelines_again(loaded: Loaded) -> None:
    with loaded(["faq_tune"], slots=7):
        assert len(nodes("ranker")) == 7 + 4 + 1 + 1
        pipelines.set_requested(None)
        assert len(nodes("ranker")) == 7 + 4 + 1 + 1


def test_a_pipeline_that_is_put_together_of_others_has_the_shape_too(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = import_module("triptych.pipeline_registry")
    register = registry.register_pipelines

    def register_one_more() -> dict[str, Pipeline]:
        found: dict[str, Pipeline] = register()
        return {**found, "nightly": found["faq_tune"] + found["faq"]}

    with monkeypatch.context() as patch:
        patch.setattr(registry, "register_pipelines", register_one_more)
        pipelines.configure("triptych.pipeline_registry")
        with loaded(slots=2):
            assert len(nodes("ranker", "nightly")) == len(nodes("ranker")) == 2 + 2 + 1 + 1
    pipelines.configure("triptych.pipeline_registry")


def test_an_environment_has_its_own_shape(loaded: Loaded) -> None:
    with loaded(env="test"):
        assert len(nodes("ranker")) == 2 + 1 + 1
        assert len(nodes("detector", "shelf_tune")) == 2 + 2 + 1


def test_on_azure_a_step_of_a_wider_search_finds_its_node_and_its_mounts(loaded: Loaded) -> None:
    with loaded(["faq_tune"], env="azure", slots=9) as context:
        node = pipelines["faq_tune"].only_nodes("faq.run_ranker_trials_r0_08").nodes[0]
        assert isinstance(context.catalog.get(node.outputs[0]), AzureMLPipelineDataset)


def test_no_pipeline_is_added_to_those_that_were_asked_for(loaded: Loaded) -> None:
    with loaded(["faq"]):
        assert set(pipelines) == {"faq"}


@pytest.mark.parametrize("wrong", [{"slots": 0}, {"rungs": "two"}, {"max_budget": 3}])
def test_parameters_that_are_wrong_are_refused_as_any_others(wrong: dict[str, Any], loaded: Loaded) -> None:
    with pytest.raises(ParametersError, match=f"faq.ranker_search.*{next(iter(wrong))}"), loaded(**wrong):
        pass
