"""Refuse wrong parameters before anything is loaded, and give nodes fully typed ones."""

from __future__ import annotations

import logging
import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.pipeline import Node
from omegaconf import DictConfig, OmegaConf
from yaml import MarkedYAMLError, YAMLError

from triptych.hooks.registered_pipelines import load_all_pipelines
from triptych.parameters import (
    ParametersError,
    Problem,
    build_parameters,
    explicit_keys,
    find_clashes,
    find_unusable_places,
    runtime_names,
    with_sources,
)
from triptych.parameters.base import Params
from triptych.parameters.check import node_parameters
from triptych.parameters.sources import parameter_files

_logger = logging.getLogger(__name__)
_SHIPPED = ("base", "azure", "test")
"""Environments whose values are the project's own: a search may go before them. Those of any other are the user's."""


class ParameterCheck:
    """Checks the parameters of all pipelines, not only those of the one that runs.

    A typo in any parameters file of the environment thus shows at the first run of anything.
    """

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Check the parameters and put typed values in their place.

        Kedro would build the blocks itself, of the requested pipelines and with a traceback for the first mistake;
        those it finds built, it takes as they are.

        Args:
            context: The context of the session.

        Raises:
            ParametersError: If any parameter is wrong, unknown or missing; lists all of them.
        """
        loader: Any = context.config_loader  # base_env is OmegaConfigLoader's own
        loader["parameters"] = check_parameters(loader, context.project_path)

    @hook_impl(tryfirst=True)
    def before_node_run(self, node: Node, inputs: dict[str, Any]) -> dict[str, Any]:
        """Give a plain dict to a node that asks for one, of a block that other nodes take as a model.

        Args:
            node: The node that is about to run.
            inputs: What it is about to get.

        Returns:
            The inputs that are to be others.
        """
        asked = {f"params:{key}": typing.get_origin(kind) or kind for key, kind in node_parameters(node)}
        return {name: _plain(value) for name, value in inputs.items() if asked.get(name) in (dict, Mapping)}


def check_parameters(loader: Any, project: Path) -> dict[str, Any]:
    """Check all parameters of an environment, those of the command line among them, as every run does.

    Args:
        loader: Kedro's `OmegaConfigLoader`.
        project: Its project's folder.

    Returns:
        The parameters, with typed values in the place of blocks.

    Raises:
        ParametersError: If any parameter is wrong, unknown or missing; lists all of them.
    """
    runtime = dict(loader.runtime_params or {})
    folders = _configuration_folders(loader)
    # Configuration read from an archive or a remote store is not searched for names.
    names = runtime_names(folders) if folders else None
    parameters = _load(loader, folders, project)  # first: what is no YAML is Kedro's to name
    own = [folder for folder in folders if folder.name not in (*_SHIPPED, loader.base_env)]
    explicit = explicit_keys(own, runtime)
    values, problems, warnings = build_parameters(parameters, load_all_pipelines(), runtime, names, explicit)
    problems += find_unusable_places({name: runtime[name] for name in names or () if name in runtime})
    for warning in with_sources(warnings, folders, runtime, project):
        _logger.warning("%s", warning)
    problems = with_sources(problems, folders, runtime, project) + _check_globals(loader, names or ())
    if problems:
        raise ParametersError(problems)
    for key, value in values.items():
        _put(parameters, key.split("."), value)
    return parameters


def _plain(value: Any) -> Any:
    """Turn blocks, and those within a dict, into dicts."""
    if isinstance(value, Params):
        return value.model_dump()
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, dict) else value


def _check_globals(loader: Any, names: Collection[str]) -> list[Problem]:
    given = loader["globals"] if names else {}
    problems = find_unusable_places({name: given[name] for name in names if name in given})
    return [replace(problem, source="globals.yml") for problem in problems]


def _load(loader: Any, folders: list[Path], root: Path) -> dict[str, Any]:
    """Load the merged parameters, naming what OmegaConf cannot read or merge: it names neither key nor file."""
    try:
        parameters: dict[str, Any] = loader["parameters"]
    except (TypeError, AttributeError, YAMLError) as error:
        problems = list(_find_unreadable(folders, root))
        if not problems:
            runtime = loader.runtime_params or {}
            problems = with_sources(find_clashes(folders, runtime), folders, runtime, root)
        if not problems:
            raise
        raise ParametersError(problems) from error
    return parameters


def _find_unreadable(folders: list[Path], root: Path) -> Iterator[Problem]:
    for path in parameter_files(folders):
        label = str(path.relative_to(root) if path.is_relative_to(root) else path)
        try:
            content = OmegaConf.load(path)
        except MarkedYAMLError as error:
            line = f"line {error.problem_mark.line + 1}" if error.problem_mark else ""
            yield Problem(label, f"cannot be read: {error.problem}", line)
        else:
            if not isinstance(content, DictConfig):
                yield Problem(label, "must hold a block of keys, not a list")


def _configuration_folders(loader: Any) -> list[Path]:
    names = [loader.base_env, loader.env or loader.default_run_env]
    folders = [Path(loader.conf_source) / name for name in dict.fromkeys(names)]
    return [folder for folder in folders if folder.is_dir()]


def _put(parameters: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a typed value where the raw one was."""
    for name in path[:-1]:
        parameters = parameters[name]
    parameters[path[-1]] = value
