"""Refuse what may not be run before it is queued: unknown names, wrong types, places where nobody has business."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from triptych.jobs.settings import JobSettings
from triptych.jobs.store import JobRequest
from triptych.storage.blob_storage import local_path

__all__ = ["ConfigurationError", "RefusedError", "RequestChecker"]

OPERATORS = frozenset({"mlflow_uri", "mlflow_artifacts", "faq_raw_type", "results_root"})
"""Names for `--params` that are not for jobs: where runs are logged, which class reads a file, what the queue sets."""
TEXTS = frozenset({"video_retry"})
"""Names for `--params` that are no places."""
_MOST_CHARACTERS = 65_536
_DEEPEST = 8


class RefusedError(ValueError):
    """A job that may not be run; the message says why, a line for each fault."""


class ConfigurationError(RuntimeError):
    """No job can be checked: the project's own configuration is wrong."""


class RequestChecker:
    """Checks jobs against the project: its pipelines, its parameters, its folders.

    Args:
        settings: What jobs may do.
    """

    def __init__(self, settings: JobSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()  # Kedro keeps what it knows of a project in its modules

    def check(self, pipeline: str, parameters: Mapping[str, Any], environment: str) -> JobRequest:
        """Check a job.

        Args:
            pipeline: What is to be run.
            parameters: As for `kedro run --params`: by dotted names, or nested.
            environment: Of the configuration.

        Returns:
            The job, with its parameters nested.

        Raises:
            RefusedError: If it may not be run.
            ConfigurationError: If the project's own configuration is wrong, whatever is asked for.
        """
        if environment not in self._settings.environments:
            known = ", ".join(self._settings.environments)
            raise RefusedError(f"environment: {environment!r} may not be asked for; there are: {known}")
        faults = list(_find_shape_faults(parameters))
        if faults:
            raise RefusedError("\n".join(faults))
        nested = _nest(parameters)
        with self._lock:
            names = self._check_pipeline(pipeline)
            faults = list(self._find_place_faults(nested, names))
            if not faults:
                faults = self._find_parameter_faults(nested, environment)
        if faults:
            raise RefusedError("\n".join(faults))
        return JobRequest(pipeline, nested, environment)

    def _check_pipeline(self, pipeline: str) -> frozenset[str]:
        """Look for the pipeline, and give the names that the configuration reads from `--params`."""
        from kedro.framework.project import PACKAGE_NAME
        from kedro.framework.startup import bootstrap_project

        from triptych.hooks.registered_pipelines import load_all_pipelines
        from triptych.parameters import runtime_names
        from triptych.parameters.problem import suggest

        if PACKAGE_NAME is None:
            bootstrap_project(self._settings.project)
        known = load_all_pipelines()
        if pipeline not in known:
            raise RefusedError(f"pipeline: there is no {pipeline!r}{suggest(pipeline, known)}")
        return runtime_names([self._settings.project / "conf" / "base"])

    def _find_place_faults(self, parameters: Mapping[str, Any], names: frozenset[str]) -> Iterator[str]:
        for name in OPERATORS & parameters.keys():
            yield f"{name}: is not for jobs to set"
        for name in (names - TEXTS - OPERATORS) & parameters.keys():
            if not isinstance(parameters[name], str):
                yield f"{name}: must be a path, got {parameters[name]!r}"
        for key, value in _leaves(parameters):
            top = key.split(".")[0]
            if not isinstance(value, str) or top in TEXTS:
                continue
            if (top in names or _is_path(value)) and not self._lies_inside(value):
                yield f"{key}: {value!r} lies in none of the folders that jobs may use"

    def _lies_inside(self, value: str) -> bool:
        try:
            return self._is_allowed(value)
        except (ValueError, OSError, RuntimeError):
            return False  # no address, a zero byte, a name that is too long, links in a circle

    def _is_allowed(self, value: str) -> bool:
        if urlsplit(value).scheme not in ("", "file"):
            parts = value.split("/")
            return ".." not in parts and any(
                value == place or value.startswith(place.rstrip("/") + "/")
                for place in self._settings.allowed
                if "://" in place
            )
        own = [(self._settings.project / place).resolve() for place in self._settings.allowed if "://" not in place]
        # Some datasets take `%2e` of a `file://` address for a dot, others do not.
        for read in (Path(value.removeprefix("file://")), local_path(value)):
            path = (self._settings.project / read).resolve()  # symbolic links and `..` count
            if not any(path.is_relative_to(place) for place in own):
                return False
        return True

    def _find_parameter_faults(self, parameters: dict[str, Any], environment: str) -> list[str]:
        from kedro.config import MissingConfigException, OmegaConfigLoader

        from triptych import settings
        from triptych.hooks.parameter_check import check_parameters
        from triptych.parameters import ParametersError

        project = self._settings.project
        options: dict[str, Any] = {**settings.CONFIG_LOADER_ARGS, "env": environment, "runtime_params": parameters}
        try:
            check_parameters(OmegaConfigLoader(str(project / "conf"), **options), project)
        except ParametersError as error:
            asked = [str(problem) for problem in error.problems if problem.source == "--params"]
            if not asked:
                raise ConfigurationError(f"the project's configuration is wrong: {error}") from error
            return asked
        except MissingConfigException as error:  # no folder of this environment
            raise ConfigurationError(f"the project's configuration is wrong: {error}") from error
        return []


def _find_shape_faults(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Find what no parameter may be, whatever it is called."""
    try:
        text = json.dumps(parameters, allow_nan=False)
    except (ValueError, TypeError, RecursionError) as error:
        yield f"parameters: are not what JSON can hold: {error}"
        return
    if len(text) > _MOST_CHARACTERS:
        yield f"parameters: have {len(text)} characters, {_MOST_CHARACTERS} are the most"
        return
    if _depth(parameters) > _DEEPEST:
        yield f"parameters: are nested more than {_DEEPEST} deep"
        return
    for word in _words(parameters):
        if "${" in word:  # the configuration would fill in variables of this machine's environment
            yield f"parameters: {word!r} refers to something else by ${{...}}: write the value itself"
        elif any(_is_control(letter) for letter in word):
            yield f"parameters: {word!r} has letters that are none"


def _is_control(letter: str) -> bool:
    return (letter < " " and letter not in "\t\n") or "\ud800" <= letter <= "\udfff"


def _depth(value: Any) -> int:
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, parts), default=0)


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from (str(name), *_words(item))
    elif isinstance(value, list):
        for item in value:
            yield from _words(item)


def _nest(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Turn dotted names into blocks, as `kedro run --params` does.

    Raises:
        RefusedError: If a name stands for a value and for a block.
    """
    nested: dict[str, Any] = {}
    for name, value in parameters.items():
        *blocks, last = name.split(".")
        place = nested
        for block in blocks:
            place = place.setdefault(block, {})
            if not isinstance(place, dict):
                raise RefusedError(f"{name}: {block} has a value already")
        if not all((*blocks, last)):
            raise RefusedError(f"{name!r}: is no name of a parameter")
        if isinstance(value, dict) and isinstance(place.get(last), dict):
            place[last] = {**place[last], **value}
        elif last in place:
            raise RefusedError(f"{name}: is given twice")
        else:
            place[last] = dict(value) if isinstance(value, Mapping) else value
    return nested


def _leaves(values: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield from _leaves(value, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(values, list):
        for value in values:
            yield from _leaves(value, prefix)
    else:
        yield prefix, values


def _is_path(value: str) -> bool:
    """Tell whether a text is a path that leads somewhere else than to a name beside others."""
    return value.startswith(("/", "~", "\\")) or ".." in value.replace("\\", "/").split("/") or "://" in value
