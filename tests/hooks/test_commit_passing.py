"""What is submitted carries the commit; steps whose outputs Azure may take from an earlier job do not."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from triptych.hooks import CommitPassing
from triptych.registry import provenance


def step(deterministic: bool) -> Any:
    return SimpleNamespace(component=SimpleNamespace(is_deterministic=deterministic), environment_variables={"A": "1"})


class Generator:
    def generate(self) -> Any:
        return SimpleNamespace(jobs={"reused": step(True), "registers": step(False)})


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> type[Generator]:
    plugin: Any = ModuleType("kedro_azureml.generator")
    mine = type("Mine", (Generator,), {"generate": Generator.generate})
    plugin.AzureMLPipelineGenerator = mine
    monkeypatch.setitem(sys.modules, "kedro_azureml.generator", plugin)
    return mine


@pytest.mark.parametrize(("commit", "told"), [("c0ffee", {"A": "1", "TRIPTYCH_COMMIT": "c0ffee"}), (None, {"A": "1"})])
def test_steps_that_register_are_told(
    commit: str | None, told: dict[str, str], generator: type[Generator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "find_commit", lambda folder: commit)
    CommitPassing().after_context_created()
    CommitPassing().after_context_created()  # a second session of the process
    jobs = generator().generate().jobs
    assert jobs["registers"].environment_variables == told
    assert jobs["reused"].environment_variables == {"A": "1"}


def test_nothing_is_imported_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "kedro_azureml.generator", raising=False)
    CommitPassing().after_context_created()
    assert "kedro_azureml.generator" not in sys.modules
