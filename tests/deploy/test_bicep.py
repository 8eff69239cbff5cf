"""The Bicep files fit together, hold no key, and give what the rest of the project asks for.

No compiler of Bicep can be had from the package registries; see test_checkov.py for the linter that can.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.bicep import TYPES, BicepFile, find_block, keys_of, names_used, read_bicep
from tests.deploy.conftest import DEPLOY

INFRA = DEPLOY / "infra"
FILES = sorted(INFRA.rglob("*.bicep"))
ENTRIES = [path for path in FILES if path.parent == INFRA]
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(INFRA).as_posix())

# One API version a resource type.
VERSIONS = {
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Consumption/budgets": "2023-11-01",
    "Microsoft.ContainerRegistry": "2023-07-01",
    "Microsoft.EventGrid": "2022-06-15",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/autoscalesettings": "2022-10-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",  # no stable one is in use
    "Microsoft.Insights/metricAlerts": "2018-03-01",
    "Microsoft.Insights/scheduledQueryRules": "2023-12-01",
    "Microsoft.KeyVault": "2023-07-01",
    "Microsoft.Logic": "2019-05-01",
    "Microsoft.MachineLearningServices": "2025-06-01",  # stable, and with systemDatastoresAuthMode
    "Microsoft.ManagedIdentity": "2023-01-31",
    "Microsoft.Network": "2023-11-01",
    "Microsoft.Network/privateDnsZones": "2020-06-01",
    "Microsoft.OperationalInsights": "2023-09-01",
    "Microsoft.OperationalInsights/workspaces/savedSearches": "2020-08-01",
    "Microsoft.Resources": "2024-03-01",
    "Microsoft.Storage": "2023-05-01",
    "Microsoft.Web": "2024-04-01",
}
# Built-in roles have the same id in every tenant.
ROLES = {
    "blobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "blobDataContributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "blobDataReader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "machineLearningDataScientist": "f6c7c914-8db3-469d-8ca1-694a8f32e121",
    "networkConnectionApprover": "b556d68e-0be0-4f35-a333-ad7ee1ce17ea",
    "queueContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "queueSender": "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a",
    "registryPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "registryPush": "8311e382-0749-4cb8-b61a-304f252e45ec",
    "tableContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
}


def find_faults(file: BicepFile) -> list[str]:
    """Find names that are not declared, or declared and not used, and modules that do not fit."""
    declared = {item.name for item in file.declarations if item.kind != "output"}
    used = {name for item in file.declarations for name in names_used(item.text)} - TYPES
    unused = [
        f"{kind} {name} is not used" for kind in ("param", "var") for name in file.of_kind(kind) if name not in used
    ]
    faults = [f"{name} is not declared" for name in sorted(used - declared)] + unused
    for name, module in file.of_kind("module").items():
        faults += [f"module {name}: {fault}" for fault in find_module_faults(file, name, module.reference, module.text)]
    return faults


def find_module_faults(file: BicepFile, name: str, reference: str, text: str) -> list[str]:
    if not (file.path.parent / reference).exists():
        return [f"{reference} is not there"]
    module = read_bicep(file.path.parent / reference)
    params = module.of_kind("param")
    passed = keys_of(find_block(text, "params"))
    required = {key for key, item in params.items() if "=" not in item.text}
    asked = {match for item in file.declarations for match in re.findall(rf"\b{name}\.outputs\.(\w+)", item.text)}
    faults = [f"{key} is no parameter of {reference}" for key in sorted(passed - set(params))]
    faults += [f"{key} is not given" for key in sorted(required - passed)]
    return faults + [f"{key} is no output of {reference}" for key in sorted(asked - set(module.of_kind("output")))]


@each_file
def test_it_fits_together(path: Path) -> None:
    assert find_faults(read_bicep(path)) == []


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("vaultId: vault.outputs.id", "vaultId: valt.outputs.id", "valt is not declared"),
        ("vaultId: vault.outputs.id", "vaultId: vault.outputs.ident", "ident is no output of modules/vault.bicep"),
        ("    vaultId: vault.outputs.id\n", "", "module workspace: vaultId is not given"),
        ("idleMinutes: idleMinutes", "idleMinute: idleMinutes", "idleMinute is no parameter of modules/clusters.bicep"),
        ("'modules/budget.bicep'", "'modules/budgets.bicep'", "modules/budgets.bicep is not there"),
        ("'${name}work${suffix}'", "'${name}work${sufix}'", "sufix is not declared"),
        ("gpuPriority: gpuPriority", "gpuPriority: cpuPriority", "param gpuPriority is not used"),
    ],
)
def test_a_slip_would_be_noticed(deploy_copy: Path, before: str, after: str, fault: str) -> None:
    main = deploy_copy / "infra/main.bicep"
    text = main.read_text(encoding="utf-8")
    assert text.count(before) == 1
    main.write_text(text.replace(before, after), encoding="utf-8")
    assert any(fault in found for found in find_faults(read_bicep(main)))


@pytest.mark.parametrize("text", ["param a string = 'x\n", "var a = {\n", "var a = [}\n", "resorce a 'b' = {\n}\n"])
def test_what_is_no_bicep_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.bicep").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"closed|closes|neither"):
        read_bicep(tmp_path / "a.bicep")


@each_file
def test_it_parses_as_bicep(path: Path) -> None:
    pycep = pytest.importorskip("pycep", reason="pycep-parser, the grammar checkov reads Bicep with, is not installed")
    assert pycep.BicepParser().parse(text=path.read_text(encoding="utf-8"))


@each_file
def test_every_parameter_and_output_says_what_it_is(path: Path) -> None:
    declarations = [item for item in read_bicep(path).declarations if item.kind in ("param", "output")]
    assert [item.name for item in declarations if "@description('" not in item.decorators] == []


@each_file
def test_resources_have_the_one_api_version_of_their_type(path: Path) -> None:
    for resource in read_bicep(path).of_kind("resource").values():
        kind, _, version = resource.reference.partition("@")
        fitting = max((name for name in VERSIONS if (kind + "/").startswith(name + "/")), key=len)
        assert version == VERSIONS[fitting], resource.reference


@each_file
def test_role_assignments_say_whose_and_which(path: Path) -> None:
    file = read_bicep(path)
    roles = {name: item.text for name, item in file.of_kind("var").items() if name in ROLES}
    assert roles == {name: f"= '{ROLES[name]}'" for name in roles}
    for resource in file.of_kind("resource").values():
        if resource.reference.startswith("Microsoft.Authorization/roleAssignments"):
            properties = keys_of(find_block(resource.text, "properties"))
            assert properties == {"roleDefinitionId", "principalId", "principalType"}
            scope = re.search(r"\bscope: (\w+)", resource.text)
            assert scope, "a role on the whole resource group is too much"
            principal = re.search(r"\bprincipalId: (\S+)", resource.text)
            role = re.search(r"roleDefinitions', ([\w.]+)\)", resource.text)
            assert principal
            assert role
            assert role[1] in roles or role[1] == "grant.role", "an unknown role"
            # Azure changes none of the three: under another name the same, or under the same name another, is refused.
            name = re.search(r"\bname: (.*)", resource.text)
            assert name
            assert name[1] == f"guid({scope[1]}.id, {principal[1]}, {role[1]})"
            # Known when the deployment starts, as the compiler demands: a parameter, and nothing of another resource.
            params = {"who", "grant", *file.of_kind("param")}
            assert principal[1].partition(".")[0] in params, principal[1]
    granted = {name for item in file.declarations for name in re.findall(r"role: (\w+)", item.text)}
    assert granted <= set(roles), "an unknown role"


@each_file
def test_no_key_is_read_or_handed_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(
        r"\blist[A-Z]\w*\(|adminUserEnabled: true|allowSharedKeyAccess: true|accountKey|password", text
    )


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("storage", "allowSharedKeyAccess: false"),
        ("storage", "allowBlobPublicAccess: false"),
        ("storage", "minimumTlsVersion: 'TLS1_2'"),
        ("storage", "supportsHttpsTrafficOnly: true"),
        ("vault", "enableRbacAuthorization: true"),
        ("vault", "enableSoftDelete: true"),
        ("registry", "adminUserEnabled: false"),
        ("workspace", "systemDatastoresAuthMode: 'Identity'"),
        ("clusters", "remoteLoginPortPublicAccess: 'Disabled'"),
        ("clusters", "disableLocalAuth: true"),
        ("clusters", "minNodeCount: 0"),
    ],
)
def test_what_keeps_it_closed_and_cheap_is_there(name: str, line: str) -> None:
    text = (INFRA / f"modules/{name}.bicep").read_text(encoding="utf-8")
    assert line in text
    assert text.count(line.partition(":")[0] + ":") == text.count(line)


def test_every_module_is_used_and_put_into_the_group() -> None:
    modules = [module for path in ENTRIES for module in read_bicep(path).of_kind("module").values()]
    assert {INFRA / module.reference for module in modules} == set(FILES) - set(ENTRIES)
    modules_of_main = read_bicep(INFRA / "main.bicep").of_kind("module").values()
    assert all(re.search(r"\bscope: group\b", module.text) for module in modules_of_main)


def test_outputs_are_what_configure_reads() -> None:
    main = read_bicep(INFRA / "main.bicep")
    accounts = {"mediaAccount", "workAccount"}
    clusters = {"cpuCluster", "gpuCluster"}
    assert main.scope == "subscription"
    names = {"subscriptionId", "resourceGroup", "workspace"} | clusters | accounts
    # What else the scripts ask for.
    assert set(main.of_kind("output")) == names | {"isolated"}


SETUPS = sorted(INFRA.glob("*.parameters.json"))
# What up.sh gives on the command line.
GIVEN = {"name", "location", "alertEmail", "operatorId", "operatorType", "budgetStart"}


@pytest.mark.parametrize("path", SETUPS, ids=lambda path: path.name)
def test_a_setup_gives_parameters_that_there_are(path: Path) -> None:
    params = read_bicep(INFRA / "main.bicep").of_kind("param")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["parameters"]
    assert {name for name, item in params.items() if "=" not in item.text} <= set(content) | GIVEN
    assert set(content) == set(params) - GIVEN
    kinds = {"string": str, "int": int, "bool": bool}
    for name, entry in content.items():
        assert type(entry["value"]) is kinds[params[name].text.split()[0]], name
        allowed = re.search(r"@allowed\(\[(.*?)\]\)", params[name].decorators, flags=re.DOTALL)
        assert allowed is None or f"'{entry['value']}'" in allowed[1], name


def test_there_is_a_small_and_a_production_setup() -> None:
    small, production = (
        {key: entry["value"] for key, entry in json.loads(path.read_text(encoding="utf-8"))["parameters"].items()}
        for path in (INFRA / "small.parameters.json", INFRA / "production.parameters.json")
    )
    assert set(small) == set(production)
    assert (small["isolated"], production["isolated"]) == (False, True)
    assert (small["purgeProtection"], production["purgeProtection"]) == (False, True)
    assert small["monthlyBudget"] < production["monthlyBudget"]


@each_file
def test_files_that_are_read_in_are_there(path: Path) -> None:
    for name in re.findall(r"load(?:Text|Json)Content\('([^']+)'\)", path.read_text(encoding="utf-8")):
        assert (path.parent / name).exists(), name


def test_names_are_no_longer_than_azure_takes_them() -> None:
    text = (INFRA / "main.bicep").read_text(encoding="utf-8")
    longest = re.search(r"@maxLength\((\d+)\)\nparam name", text)
    suffix = re.search(r"var suffix = take\(.*, (\d+)\)", text)
    assert longest
    assert suffix
    names = re.findall(r"name: '([^']*\$\{suffix\})'", text)
    assert len(names) == 4
    for name in names:
        full = name.replace("${name}", "n" * int(longest[1])).replace("${suffix}", "s" * int(suffix[1]))
        assert len(full) <= 24, name


@each_file
def test_subnets_stand_within_their_network(path: Path) -> None:
    """As resources of their own they may go when the network, whose list of them is empty, is deployed again."""
    made = re.findall(r"'Microsoft.Network/virtualNetworks/subnets@[\d-]+' = ", path.read_text(encoding="utf-8"))
    assert made == []
