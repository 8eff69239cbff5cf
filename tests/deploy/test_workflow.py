"""The workflow between landing zone and batch endpoint: its parts refer to each other, and it never loses an event."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.deploy.conftest import DEPLOY

TEXT = (DEPLOY / "infra/landing-workflow.json").read_text(encoding="utf-8")
WORKFLOW: dict[str, Any] = json.loads(TEXT)
BICEP = (DEPLOY / "infra/trigger.bicep").read_text(encoding="utf-8")


def scopes(actions: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the actions of each level: `runAfter` reaches no further."""
    yield actions
    for action in actions.values():
        for inner in (action.get("actions"), action.get("else", {}).get("actions")):
            if inner:
                yield from scopes(inner)


ACTIONS = {name: action for scope in scopes(WORKFLOW["actions"]) for name, action in scope.items()}


def test_an_action_runs_after_one_beside_it() -> None:
    for scope in scopes(WORKFLOW["actions"]):
        for action in scope.values():
            assert set(action["runAfter"]) <= set(scope)
        assert any(not action["runAfter"] for action in scope.values()), "nothing comes first"


def test_expressions_name_actions_variables_and_parameters_that_there_are() -> None:
    assert set(re.findall(r"(?:outputs|body)\('(\w+)'\)", TEXT)) <= set(ACTIONS)
    assert set(re.findall(r"parameters\('(\w+)'\)", TEXT)) == set(WORKFLOW["parameters"])
    assert set(re.findall(r"variables\('(\w+)'\)", TEXT)) == {"status"}
    given = re.search(r"    parameters: \{\n(.*?)\n    \}\n", BICEP, flags=re.DOTALL)
    assert given
    assert set(re.findall(r"^      (\w+): \{", given[1], flags=re.MULTILINE)) == set(WORKFLOW["parameters"])


@pytest.mark.parametrize("name", [name for name, action in ACTIONS.items() if action["type"] == "Http"])
def test_every_call_is_made_as_the_workflow_itself(name: str) -> None:
    authentication = ACTIONS[name]["inputs"]["authentication"]
    assert set(authentication) == {"type", "audience"}
    assert authentication["type"] == "ManagedServiceIdentity"


def test_the_queue_is_emptied_before_the_run_and_filled_again_if_there_is_none() -> None:
    assert ACTIONS["Start_video"]["runAfter"] == {"Clear_queue": ["Succeeded"]}
    assert ACTIONS["Put_message_back"]["runAfter"] == {"Start_video": ["Failed", "TimedOut"]}
    assert ACTIONS["Put_message_back"]["inputs"]["method"] == "POST"
    # Tried again by the next turn only: a call that timed out may have started a run.
    assert ACTIONS["Start_video"]["inputs"]["retryPolicy"] == {"type": "none"}


def test_one_run_at_a_time() -> None:
    assert "operationOptions: 'SingleInstance'" in BICEP
    assert ACTIONS["Until_it_has_ended"]["runAfter"] == {"Start_video": ["Succeeded"]}


def test_a_run_that_fails_is_told() -> None:
    endings = [action["inputs"]["runStatus"] for action in ACTIONS.values() if action["type"] == "Terminate"]
    assert endings == ["Failed", "Failed"]
    assert "metricName: 'RunsFailed'" in BICEP


def test_only_what_lands_starts_a_run_and_what_is_finished_is_told_elsewhere() -> None:
    subscriptions = re.findall(r"containers/(\w+)/'.*?queueName: (\w+)\.name", BICEP, flags=re.DOTALL)
    assert subscriptions == [("landing", "landed"), ("styled", "finished")]
    assert re.findall(r"'(Microsoft\.Storage\.Blob\w+)'", BICEP) == ["Microsoft.Storage.BlobCreated"] * 2
    assert "${media.properties.primaryEndpoints.queue}${landed.name}" in BICEP


def test_suppliers_only_put() -> None:
    role = json.loads((DEPLOY / "roles/upload.json").read_text(encoding="utf-8"))
    blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
    assert role["Actions"] == []
    assert role["DataActions"] == [f"{blobs}/write", f"{blobs}/add/action"]
