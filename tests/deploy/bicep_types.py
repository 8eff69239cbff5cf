"""Properties of the resources in Bicep against Microsoft's published type definitions.

The definitions are the repository github.com/Azure/bicep-types-az, with which Bicep's compiler sees what these tests
see: a property that is misspelt, misplaced, read-only or missing, and a value that is none of those allowed.

python -m tests.deploy.bicep_types CLONE [--extract FILE]

checks deploy/infra against a clone of it, or writes the part of it that deploy/infra uses to a file (which then stands
for the clone).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

INFRA = Path(__file__).parents[2] / "deploy/infra"
# Bicep's own, beside what the type has.
META = {"parent", "scope", "dependsOn"}
REQUIRED, READ_ONLY = 1, 2  # flags of a property
Types = list[dict[str, Any]]


@dataclass(frozen=True)
class Resource:
    """A resource as it stands in a file."""

    where: str
    kind: str
    """Type and version, `Microsoft.Storage/storageAccounts@2023-05-01`."""
    body: dict[str, Any]
    names: frozenset[str]
    """What the file declares: such a word is no text."""


def read_resources(path: Path) -> Iterator[Resource]:
    """Read the resources that a file makes; those that are only named have no properties."""
    from pycep import BicepParser

    content: Any = BicepParser().parse(text=path.read_text(encoding="utf-8"))
    sections = ("globals", "parameters", "variables", "resources", "modules")
    names = frozenset(name for section in sections for name in content.get(section, {}))
    for name, item in content.get("resources", {}).items():
        if not item["existing"]:
            body = item["config"]
            while "name" not in body:  # a loop or a condition around it
                body = body["config"]
            yield Resource(f"{path.name}, {name}", f"{item['type']}@{item['api_version']}", body, names)


class TypeFolder:
    """A clone of the definitions, or an extract of it, which keeps to the same form: files of numbered types."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._extract = json.loads(place.read_text(encoding="utf-8")) if place.is_file() else None
        self._read: dict[Path, Types] = {}

    def find(self, kind: str) -> tuple[Types, dict[str, Any]] | None:
        """Give the types of the file that a resource is defined in, and the type of the resource; None if unknown."""
        if self._extract is not None:
            types: Types = self._extract.get(kind, [])
            return (types, types[0]) if types else None
        provider, version = kind.split("/")[0].lower(), kind.partition("@")[2]
        # A provider is spread over several folders.
        for path in sorted(self._place.glob(f"generated/*/{provider}/{version}/types.json")):
            if path not in self._read:
                self._read[path] = json.loads(path.read_text(encoding="utf-8"))
            for item in self._read[path]:
                if item["$type"] == "ResourceType" and item["name"].lower() == kind.lower():
                    return self._read[path], item
        return None


def find_faults(resource: Resource, folder: TypeFolder) -> list[str]:
    """Say what of a resource is not as its type has it."""
    found = folder.find(resource.kind)
    if found is None:
        return [f"{resource.where}: there is no {resource.kind}, or the extract is older: make it again"]
    types, item = found
    body = {key: value for key, value in resource.body.items() if key not in META}
    faults = _check(body, _follow(item["body"], types), types, resource.names, "")
    return [f"{resource.where}: {fault}" for fault in faults]


def _follow(reference: Any, types: Types) -> dict[str, Any]:
    text = reference["$ref"] if isinstance(reference, dict) else ""
    return types[int(text.rpartition("/")[2])] if text.startswith("#/") else {"$type": "AnyType"}


def _check(value: Any, kind: dict[str, Any], types: Types, names: frozenset[str], path: str) -> Iterator[str]:
    for given in _values(value):
        if kind["$type"] == "DiscriminatedObjectType" and isinstance(given, dict):
            yield from _check_one_of(given, kind, types, names, path)
        elif kind["$type"] == "ObjectType" and isinstance(given, dict):
            yield from _check_object(given, kind, types, names, path)
        elif kind["$type"] == "ArrayType" and isinstance(given, list):
            for item in given:
                yield from _check(item, _follow(kind["itemType"], types), types, names, f"{path}[]")
        elif kind["$type"] == "ObjectType" and isinstance(given, list):
            yield f"{path or 'it'} is an object, no list"
        elif kind["$type"] in ("UnionType", "StringLiteralType") and isinstance(given, str) and given not in names:
            yield from _check_literal(given, kind, types, path)


def _values(value: Any) -> Iterator[Any]:
    """Give what an expression can come to: both sides of a condition, what a loop makes; nothing of a computed one."""
    if not isinstance(value, dict):
        yield value
    elif "loop_type" in value:
        yield [value["config"]]
    elif set(value) == {"operator"}:
        operands = value["operator"]["operands"]
        if value["operator"]["type"] == "conditional":
            yield from _values(operands["true_value"])
            yield from _values(operands["false_value"])
        elif isinstance(right := operands.get("operand_2"), dict):  # pycep binds `a == b ? c : d` as `a == (b ? c : d)`
            yield from _values(right)
    elif set(value) != {"function"}:
        yield value


def _check_object(
    given: dict[str, Any], kind: dict[str, Any], types: Types, names: frozenset[str], path: str
) -> Iterator[str]:
    properties = kind.get("properties", {})
    given = {key.strip("'"): value for key, value in given.items()}
    for key, value in given.items():
        place = f"{path}.{key}".lstrip(".")
        if key in properties:
            if properties[key]["flags"] & READ_ONLY:
                yield f"{place} is read-only"
            yield from _check(value, _follow(properties[key]["type"], types), types, names, place)
        elif "additionalProperties" in kind:
            yield from _check(value, _follow(kind["additionalProperties"], types), types, names, place)
        else:
            near = get_close_matches(key, properties, 1)
            yield f"{place} is no property of {kind['name']}" + (f": {near[0]}?" if near else "")
    for key, entry in properties.items():
        if entry["flags"] & REQUIRED and not entry["flags"] & READ_ONLY and key not in given:
            yield f"{f'{path}.{key}'.lstrip('.')} is required"


def _check_one_of(
    given: dict[str, Any], kind: dict[str, Any], types: Types, names: frozenset[str], path: str
) -> Iterator[str]:
    choice = str(given.get(kind["discriminator"], given.get(f"'{kind['discriminator']}'")))
    if choice not in kind["elements"]:
        yield f"{path}.{kind['discriminator']} is {choice}: there are {', '.join(kind['elements'])}"
        return
    element = _follow(kind["elements"][choice], types)
    both = {**element, "properties": {**kind["baseProperties"], **element.get("properties", {})}}
    yield from _check_object(given, both, types, names, path)


def _check_literal(given: str, kind: dict[str, Any], types: Types, path: str) -> Iterator[str]:
    options = [_follow(item, types) for item in kind["elements"]] if "elements" in kind else [kind]
    allowed = [str(option.get("value")) for option in options]
    if all(option["$type"] == "StringLiteralType" for option in options) and given not in allowed and "${" not in given:
        yield f"{path} is {given}: there are {', '.join(allowed)}"


def check_files(paths: list[Path], folder: TypeFolder) -> list[str]:
    """Check all resources of some files."""
    return [fault for path in paths for resource in read_resources(path) for fault in find_faults(resource, folder)]


def extract(paths: list[Path], folder: TypeFolder) -> dict[str, Types]:
    """Take out what some files use: of each type all names, of what is below a name only where the file goes."""
    kept: dict[str, Types] = {}
    for resource in (resource for path in paths for resource in read_resources(path)):
        if found := folder.find(resource.kind):
            kept.setdefault(resource.kind, _cut(*found))
    return kept


def _cut(types: Types, item: dict[str, Any], depth: int = 7) -> Types:
    """Copy what a type leads to within some levels, numbered anew and without descriptions."""
    kept: Types = []
    numbers: dict[int, int] = {}

    def copy(value: Any, left: int) -> Any:
        if isinstance(value, list):
            return [copy(each, left) for each in value]
        if not isinstance(value, dict):
            return value
        if "$ref" not in value:
            texts = {key for key in ("description", "functions") if not isinstance(value.get(key), dict)}
            return {key: copy(each, left) for key, each in value.items() if key not in texts}
        old = int(value["$ref"].rpartition("/")[2])
        if old not in numbers:
            numbers[old] = len(kept)
            kept.append({"$type": "AnyType"})
            if left:
                kept[numbers[old]] = copy(types[old], left - 1)
        return {"$ref": f"#/{numbers[old]}"}

    kept.append({})
    kept[0] = copy(item, depth)
    return kept


def main() -> None:
    """Check, or extract."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("types", type=Path, help="clone of github.com/Azure/bicep-types-az, or an extract")
    parser.add_argument("--extract", type=Path, metavar="FILE")
    options = parser.parse_args()
    folder, paths = TypeFolder(options.types), sorted(INFRA.rglob("*.bicep"))
    if options.extract:
        options.extract.write_text(json.dumps(extract(paths, folder), separators=(",", ":")), encoding="utf-8")
    faults = check_files(paths, folder)
    raise SystemExit("\n".join(faults) or 0)


if __name__ == "__main__":
    main()
