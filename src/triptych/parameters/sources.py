"""Find where in the configuration a parameter comes from."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from triptych.parameters.problem import ParametersError, Problem

_RUNTIME_NAME = re.compile(r"\$\{runtime_params:\s*([A-Za-z_]\w*)")
_SUFFIXES = (".yml", ".yaml", ".json")
_MERGE = "tag:yaml.org,2002:merge"


def runtime_names(folders: Collection[Path]) -> frozenset[str]:
    """List the names the configuration reads from `--params` through `${runtime_params:NAME}`.

    Args:
        folders: Configuration folders of the run, such as conf/base and conf/test.

    Returns:
        The names, comments left out.
    """
    names: set[str] = set()
    for path in _files(folders):
        for line in _read(path).splitlines():
            names.update(_RUNTIME_NAME.findall(line.partition(" #")[0] if line.lstrip()[:1] != "#" else ""))
    return frozenset(names)


def find_unusable_places(places: Mapping[str, Any]) -> list[Problem]:
    """Find names of places that would become a folder `None`, or one named `~`, in the project.

    Args:
        places: What `--params` or globals.yml gives for the names of `runtime_names`.

    Returns:
        Problems without a source, sorted by key.
    """
    found = []
    for name, value in sorted(places.items()):
        if value is None:
            found.append(Problem(name, "is empty: leave it out, or fill it"))
        elif isinstance(value, str) and value.startswith("~"):
            message = f"starts with ~, which only a shell knows: write the path in full, got {value!r}"
            found.append(Problem(name, message))
    return found


def locate_values(folders: Sequence[Path], runtime: Mapping[str, Any], root: Path) -> dict[str, str]:
    """Say where each parameter comes from.

    Args:
        folders: Configuration folders, the one that wins last.
        runtime: What was given by `--params`; it wins over every file.
        root: Paths are given relative to this folder.

    Returns:
        `--params`, or file and line (`conf/local/parameters.yml:3`), by dotted key, blocks included.
    """
    lines: dict[str, str] = {}
    for path in parameter_files(folders):
        label = path.relative_to(root) if path.is_relative_to(root) else path
        node = yaml.compose(_read(path), Loader=yaml.SafeLoader)
        lines.update({key: f"{label}:{line}" for key, line in _key_lines(node)})
    return lines | dict.fromkeys(_keys(runtime), "--params")


def with_sources(
    problems: Sequence[Problem], folders: Sequence[Path], runtime: Mapping[str, Any], root: Path
) -> list[Problem]:
    """Say of each problem where its value comes from.

    Args:
        problems: Problems without a source.
        folders: As in `locate_values`.
        runtime: As in `locate_values`.
        root: As in `locate_values`.

    Returns:
        The problems with their sources, where there is one.
    """
    places = locate_values(folders, runtime, root) if problems else {}
    return [replace(problem, source=places.get(problem.key.split("[")[0], "")) for problem in problems]


def explicit_keys(folders: Sequence[Path], runtime: Mapping[str, Any]) -> frozenset[str]:
    """List what the user set; `faq.ranker.*` where a whole block was put there by reference (`${_mine}`).

    Args:
        folders: Configuration folders that are the user's own, such as conf/local.
        runtime: What was given by `--params`.

    Returns:
        Dotted keys, blocks included.
    """
    return frozenset(locate_values(folders, runtime, Path()))


def find_clashes(folders: Sequence[Path], runtime: Mapping[str, Any]) -> list[Problem]:
    """Find lists in the place of blocks, and the other way round, which cannot be merged.

    Args:
        folders: As in `locate_values`.
        runtime: As in `locate_values`.

    Returns:
        Problems without a source, sorted by key.
    """
    layers = [*(yaml.safe_load(_read(path)) for path in parameter_files(folders)), runtime]
    first: dict[str, bool] = {}
    found: dict[str, Problem] = {}
    for key, value in (entry for layer in layers for entry in _containers(layer)):
        is_block = isinstance(value, Mapping)
        if first.setdefault(key, is_block) is not is_block:
            found[key] = Problem(key, f"must be a {'list' if is_block else 'block of keys'}, got {value!r}")
    return [found[key] for key in sorted(found)]


def _containers(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted key and value of each block and list in blocks."""
    for name, value in values.items() if isinstance(values, Mapping) else ():
        if isinstance(value, Mapping | list):
            yield f"{prefix}{name}", value
            yield from _containers(value, f"{prefix}{name}.")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 (byte {error.start}): save it as UTF-8"
        raise ParametersError([Problem(str(path), message)]) from error


def parameter_files(folders: Sequence[Path]) -> Iterator[Path]:
    """List the files Kedro reads parameters from.

    Args:
        folders: Configuration folders.

    Yields:
        Their parameters files, folder by folder.
    """
    for folder in folders:
        for path in _files([folder]):
            if any(part.startswith("parameters") for part in path.relative_to(folder).parts):
                yield path


def _files(folders: Collection[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(
            path for path in folder.rglob("*") if path.suffix in _SUFFIXES and not _is_hidden(path, folder)
        )


def _is_hidden(path: Path, folder: Path) -> bool:
    """Tell whether Kedro passes over a file: `.ipynb_checkpoints/parameters-checkpoint.yml`."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _key_lines(
    node: yaml.Node | None, prefix: str = "", above: tuple[yaml.Node, ...] = ()
) -> Iterator[tuple[str, int]]:
    """Yield each dotted key of a YAML document and its line, counted from 1; merge keys (`<<`) give what they bring."""
    if node in above:  # an alias of what it is in
        return
    if isinstance(node, yaml.SequenceNode):  # of a merge key: several mappings
        for part in node.value:
            yield from _key_lines(part, prefix, above)
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.tag == _MERGE:
                yield from _key_lines(value, prefix, (*above, node))
                continue
            yield f"{prefix}{name.value}", name.start_mark.line + 1
            if isinstance(value, yaml.ScalarNode) and value.value.startswith("${"):
                yield f"{prefix}{name.value}.*", name.start_mark.line + 1
            if isinstance(value, yaml.MappingNode):
                yield from _key_lines(value, f"{prefix}{name.value}.", (*above, node))


def _keys(values: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in values.items():
        yield f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _keys(value, f"{prefix}{name}.")
