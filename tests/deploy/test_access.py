"""Who may do what, read out of modules/access.bicep and modules/trigger-access.bicep: enough, and no more."""

from __future__ import annotations

import re

from tests.deploy.bicep import BicepFile, read_bicep
from tests.deploy.conftest import DEPLOY

MODULES = DEPLOY / "infra/modules"
Grant = tuple[str, str, str]
BLOB, READ = "blobDataContributor", "blobDataReader"


def people(file: BicepFile, name: str) -> set[str]:
    """Give whose identities a list holds."""
    text = file.of_kind("var")[name].text
    lists = [word for word in re.findall(r"\w+", text) if word in file.of_kind("var") and word != name]
    own = set(re.findall(r"\bid: (\w+?)(?:Principal)?Id\b", text))
    return own.union(*(people(file, other) for other in lists))


def grants_of(file: BicepFile, name: str) -> set[tuple[str, str]]:
    """Give who gets which role by a list of grants."""
    text = file.of_kind("var")[name].text
    if loop := re.search(r"for who in (\w+): \{ who: who, role: (\w+) \}", text):
        return {(who, loop[2]) for who in people(file, loop[1])}
    return set[tuple[str, str]]().union(*(grants_of(file, other) for other in re.findall(r"\w+Grants", text)))


def read_grants(name: str) -> set[Grant]:
    """Give all: who, role, on what."""
    file, found = read_bicep(MODULES / f"{name}.bicep"), set[Grant]()
    for resource in file.of_kind("resource").values():
        if not resource.reference.startswith("Microsoft.Authorization/roleAssignments"):
            continue
        scope = re.search(r"\bscope: (\w+)", resource.text)
        role = re.search(r"roleDefinitions', (\w+)", resource.text)
        assert scope
        assert role
        if loop := re.search(r"for grant in (\w+):", resource.text):
            found |= {(who, what, scope[1]) for who, what in grants_of(file, loop[1])}
        elif loop := re.search(r"for who in (\w+):", resource.text):
            found |= {(who, role[1], scope[1]) for who in people(file, loop[1])}
        else:
            principal = re.search(r"principalId: (\w+)PrincipalId", resource.text)
            assert principal
            found.add((principal[1], role[1], scope[1]))
    return found


def test_nodes_read_what_is_delivered_and_write_results() -> None:
    grants = read_grants("access")
    for node in ("cpu", "gpu"):
        assert {(role, scope) for who, role, scope in grants if who == node} - {
            ("machineLearningDataScientist", "workspace"),
            ("registryPush", "registry"),
        } == {
            *((READ, "landing"), (READ, "data"), (BLOB, "styled"), ("registryPull", "registry")),
            # Batch deployments keep their mini-batches in a queue and a table; keys are off.
            *((BLOB, "work"), ("queueContributor", "work"), ("tableContributor", "work")),
        }
    submitters = {who for who, role, _ in grants if role == "machineLearningDataScientist"}
    assert submitters == {"cpu", "operator"}, "a step needs no role for MLflow; schedules submit from CPU nodes"


def test_monitors_and_operators_have_their_own() -> None:
    grants = read_grants("access")
    assert {grant for grant in grants if grant[0] == "monitors"} == {("monitors", BLOB, "work")}
    assert {grant[1:] for grant in grants if grant[0] == "operator"} == {
        *((BLOB, "media"), (BLOB, "work"), ("machineLearningDataScientist", "workspace")),
    }


def test_the_workflow_may_do_what_its_jobs_do() -> None:
    """A job of a batch endpoint is that of who called it."""
    assert read_grants("starter-access") == {
        *(("starter", READ, "landing"), ("starter", BLOB, "styled"), ("starter", BLOB, "work")),
        ("starter", "machineLearningDataScientist", "workspace"),
    }
    assert read_grants("trigger-access") == {
        *(("workflow", "queueContributor", "landed"), ("topic", "queueSender", "media")),
    }
    for name, caller in (("trigger", "workflow"), ("function", "app")):
        text = (DEPLOY / f"infra/{name}.bicep").read_text(encoding="utf-8")
        assert f"starterPrincipalId: {caller}.identity.principalId" in text


def test_the_function_owns_nothing_but_the_account_of_its_host() -> None:
    text = (MODULES / "host-access.bicep").read_text(encoding="utf-8")
    assert re.findall(r"scope: (\w+)", text) == ["host"]
    assert "hostName: host.outputs.name" in (DEPLOY / "infra/function.bicep").read_text(encoding="utf-8")


def test_identities_outlive_clusters_and_workspace() -> None:
    clusters, workspace = (
        read_bicep(MODULES / f"{name}.bicep").of_kind("resource") for name in ("clusters", "workspace")
    )
    for kind in ("cpu", "gpu"):
        assert re.search(rf"type: 'UserAssigned'\s+userAssignedIdentities: \{{\s+'\$\{{{kind}Id", clusters[kind].text)
    assert "type: 'SystemAssigned,UserAssigned'" in workspace["workspace"].text


def test_isolated_batch_jobs_reach_queue_and_table() -> None:
    text = read_bicep(MODULES / "outbound.bicep").of_kind("var")["ways"].text
    assert re.findall(r"account: (\w+).id, target: '(\w+)'", text) == [
        *(("media", "blob"), ("work", "queue"), ("work", "table")),
    ]
    assert "provision-network" in (DEPLOY / "up.sh").read_text(encoding="utf-8")


def test_failures_are_told_by_what_the_container_says() -> None:
    """Of a managed endpoint every refusal of the container is 424: alerts by its own status class see none of ours."""
    text = read_bicep(DEPLOY / "infra/serving.bicep").of_kind("var")["troubles"].text
    watched = dict(re.findall(r"dimension: '(\w+)'\s+values: (\[[^]]*\])", text))
    assert "'500'" in watched["modelStatusCode"]
    assert "'400'" not in watched["modelStatusCode"], "wrong input is no failure"
    assert "'5xx'" in watched["statusCodeClass"]
    serve = (DEPLOY / "serve.sh").read_text(encoding="utf-8")
    assert "SLOW_MS=30000" in serve, "a full-size Mask R-CNN takes seconds for a photo on processors"
