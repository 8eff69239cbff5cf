"""What of Bicep only its compiler tells, told by Microsoft's published type definitions.

The definitions are not part of this project. Where there is a clone of github.com/Azure/bicep-types-az (or an extract
of it, see bicep_types.py), deploy/infra is compared with it:
    TRIPTYCH_BICEP_TYPES=CLONE python -m pytest tests/deploy/test_bicep_types.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.bicep_types import INFRA, TypeFolder, check_files, extract

pytest.importorskip("pycep", reason="pycep-parser is not installed")
PLACE = os.environ.get("TRIPTYCH_BICEP_TYPES")
needs_types = pytest.mark.skipif(not PLACE, reason="TRIPTYCH_BICEP_TYPES names no clone of Azure/bicep-types-az")
ALL = sorted(INFRA.rglob("*.bicep"))


def test_there_would_be_something_to_compare() -> None:
    from tests.deploy.bicep_types import read_resources

    kinds = {resource.kind.partition("@")[0] for path in ALL for resource in read_resources(path)}
    assert {"Microsoft.MachineLearningServices/workspaces/computes", "Microsoft.Storage/storageAccounts"} <= kinds
    assert len(kinds) > 20


@needs_types
def test_every_property_is_one_of_its_type() -> None:
    assert check_files(ALL, TypeFolder(Path(str(PLACE)))) == []


@needs_types
@pytest.mark.parametrize(
    ("file", "before", "after", "fault"),
    [
        ("clusters", "vmPriority: cpuPriority", "vmPriorty: cpuPriority", "vmPriorty is no property of AmlComputePro"),
        (
            "clusters",
            "    disableLocalAuth: true\n",
            "    vmSize: cpuVmSize\n",
            "properties.vmSize is no property of AmlC",
        ),
        ("storage", "'Hot'", "'Hott'", "properties.accessTier is Hott: there are Hot, Cool"),
        ("storage", "  kind: 'StorageV2'\n", "", "kind is required"),
        ("workspace", "friendlyName: name", "workspaceId: name", "properties.workspaceId is read-only"),
        (
            "outbound",
            "type: 'PrivateEndpoint'",
            "type: 'PrivatEndpoint'",
            "properties.type is PrivatEndpoint: there are",
        ),
        ("../trigger", "queueName: landed.name", "queuName: landed.name", "queuName is no property of StorageQueueEve"),
        ("../trigger", "endpointType: 'StorageQueue'", "endpointType: 'StorageQueu'", "endpointType is StorageQueu"),
        ("../trigger", "includedEventTypes: [", "includedEvents: [", "filter.includedEvents is no property"),
        ("../function", "virtualNetworkSubnetId:", "virtualNetworkSubnet:", "virtualNetworkSubnet is no property"),
        (
            "../function",
            "instanceMemoryMB: 2048",
            "instanceMemory: 2048",
            "instanceMemory is no property of FunctionsSc",
        ),
        ("registry", "adminUserEnabled: false", "anonymousPullEnabled: false", "anonymousPullEnabled is no property"),
    ],
)
def test_a_slip_would_be_noticed(deploy_copy: Path, file: str, before: str, after: str, fault: str) -> None:
    path = deploy_copy / f"infra/modules/{file}.bicep"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    found = check_files([path], TypeFolder(Path(str(PLACE))))
    assert any(fault in line for line in found), found


KIND = "Microsoft.Toys/trains@2026-01-01"
NUMBERED: list[dict[str, Any]] = [
    {"$type": "StringType"},
    {"$type": "StringLiteralType", "value": "Red"},
    {"$type": "StringLiteralType", "value": "Blue"},
    {"$type": "UnionType", "elements": [{"$ref": "#/1"}, {"$ref": "#/2"}]},
    {"$type": "ObjectType", "name": "Wagon", "properties": {"colour": {"type": {"$ref": "#/3"}, "flags": 0}}},
    {"$type": "ArrayType", "itemType": {"$ref": "#/4"}},
    {
        "$type": "ObjectType",
        "name": "Steam",
        "properties": {"kind": {"type": {"$ref": "#/0"}, "flags": 1}, "coal": {"type": {"$ref": "#/0"}, "flags": 0}},
    },
    {
        "$type": "DiscriminatedObjectType",
        "name": "Engine",
        "discriminator": "kind",
        "baseProperties": {"power": {"type": {"$ref": "#/0"}, "flags": 0}},
        "elements": {"Steam": {"$ref": "#/6"}},
    },
    {
        "$type": "ObjectType",
        "name": "Train",
        "properties": {
            "name": {"type": {"$ref": "#/0"}, "flags": 9},
            "id": {"type": {"$ref": "#/0"}, "flags": 10},
            "engine": {"type": {"$ref": "#/7"}, "flags": 1, "description": "What pulls."},
            "wagons": {"type": {"$ref": "#/5"}, "flags": 0},
            "tags": {"type": {"$ref": "#/9"}, "flags": 0},
        },
    },
    {"$type": "ObjectType", "name": "Tags", "properties": {}, "additionalProperties": {"$ref": "#/0"}},
    {"$type": "ResourceType", "name": KIND, "body": {"$ref": "#/8"}},
]
GOOD = """param colour string
resource train 'Microsoft.Toys/trains@2026-01-01' = [for number in range(0, 3): {
  name: 'train'
  engine: {
    kind: 'Steam'
    coal: 'much'
    power: 'more'
  }
  wagons: [
    {
      colour: colour == 'x' ? 'Red' : colour
    }
  ]
  tags: {
    'any.thing': 'goes'
  }
}]
"""


@pytest.fixture(params=["clone", "extract"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> TypeFolder:
    place = tmp_path / "generated/toys/microsoft.toys/2026-01-01"
    place.mkdir(parents=True)
    (place / "types.json").write_text(json.dumps(NUMBERED), encoding="utf-8")
    clone = TypeFolder(tmp_path)
    if request.param == "clone":
        return clone
    (tmp_path / "good.bicep").write_text(GOOD, encoding="utf-8")
    (tmp_path / "extract.json").write_text(json.dumps(extract([tmp_path / "good.bicep"], clone)), encoding="utf-8")
    return TypeFolder(tmp_path / "extract.json")


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("", "", ""),
        ("coal:", "cole:", "engine.cole is no property of Steam: coal?"),
        ("'Steam'", "'Diesel'", "engine.kind is Diesel: there are Steam"),
        ("? 'Red'", "? 'Pink'", "wagons[].colour is Pink: there are Red, Blue"),
        ("  tags: {", "  id: 'mine'\n  tags: {", "id is read-only"),
        ("  name: 'train'\n  engine: {", "  name: 'train'\n  motor: {", "engine is required"),
        ("trains@2026", "train@2026", "there is no Microsoft.Toys/train@2026-01-01"),
    ],
)
def test_the_comparison_sees_what_a_compiler_would(
    folder: TypeFolder, tmp_path: Path, before: str, after: str, fault: str
) -> None:
    path = tmp_path / "toy.bicep"
    path.write_text(GOOD.replace(before, after), encoding="utf-8")
    found = check_files([path], folder)
    assert bool(found) == bool(fault), found
    assert not fault or any(fault in line for line in found)
