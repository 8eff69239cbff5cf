"""Find the project and its models in use, from any folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import triptych
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.registry import ModelRegistry

__all__ = ["asking_registry", "find_project", "open_model", "read_registry"]

_URI = "MLFLOW_TRACKING_URI"
_SQLITE = "sqlite:///"
_FILES = ("about.json", "model.json")


def find_project() -> Path:
    """Find the project: this folder or one above it that holds `conf/base`, or else where this package lies.

    Raises:
        InputError: If there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, Path(triptych.__file__).resolve().parents[2]):
        if (folder / "conf" / "base" / "mlflow.yml").is_file():
            return folder
    raise InputError("there is no project here: go to the folder that holds conf/, or name a model with --model FOLDER")


@contextmanager
def open_model(workload: str, inside: str, given: Path | None) -> Iterator[Path]:
    """Give the folder of a model for as long as the block lasts.

    Args:
        workload: `faq` or `shelf`.
        inside: Where the model's own files are in what MLflow saves.
        given: A folder, of the model's own files or as MLflow saves it; None: the promoted version.

    Raises:
        InputError: If there is no such model, with what to do about it.
    """
    if given is not None:
        yield _choose_folder(given, inside)
        return
    with TemporaryDirectory(prefix="triptych-model-") as scratch:
        yield _fetch_promoted(workload, inside, Path(scratch))


def _choose_folder(given: Path, inside: str) -> Path:
    folder = given / inside if (given / "MLmodel").is_file() else given
    if not any((folder / name).is_file() for name in _FILES):
        raise InputError(f"{given} holds no model: name the folder of one, as in data/06_models, or as MLflow saves it")
    return folder


def _fetch_promoted(workload: str, inside: str, scratch: Path) -> Path:
    project = find_project()
    address, name = read_registry(project, workload)
    with asking_registry(address) as registry:
        promoted = registry.find_promoted(name) if registry else None
        if promoted is None:
            raise InputError(
                f"no version of {name} is promoted in {address}: run `kedro run --pipelines {workload}` in {project}, "
                "or name a model with --model FOLDER"
            )
        return promoted.download(inside, scratch)


@contextmanager
def asking_registry(address: str) -> Iterator[ModelRegistry | None]:
    """Give the registry at an address for as long as the block lasts; None where it is a database that is not there.

    Raises:
        InputError: If it cannot be read within the block.
    """
    if address.startswith(_SQLITE) and not Path(address.removeprefix(_SQLITE)).is_file():
        yield None  # MLflow would make an empty one
        return
    import mlflow
    from requests import RequestException

    from triptych.registry import ModelRegistry, UnreadableVersionError

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(address)
    try:
        yield ModelRegistry()
    except (mlflow.MlflowException, RequestException, UnreadableVersionError) as error:
        cause = " ".join(str(error).split())
        raise InputError(f"the model registry at {_hide(address)} cannot be read: {cause}") from error
    finally:
        mlflow.set_tracking_uri(before)


def read_registry(project: Path, workload: str) -> tuple[str, str]:
    """Read where the registry is and what the model is called there, as runs of the project do.

    Raises:
        InputError: If the configuration cannot be read, or names no registry.
    """
    from kedro.config import OmegaConfigLoader
    from omegaconf.errors import OmegaConfBaseException
    from omegaconf.resolvers import oc
    from yaml import YAMLError

    patterns = {"mlflow": ["mlflow*", "mlflow*/**"]}
    loader: Any = OmegaConfigLoader(
        str(project / "conf"),
        base_env="base",
        default_run_env="local",
        config_patterns=patterns,
        merge_strategy={"parameters": "soft"},
        custom_resolvers={"oc.env": oc.env},
    )
    try:
        address = os.environ.get(_URI) or loader["mlflow"]["server"]["mlflow_tracking_uri"]
        name = str(loader["parameters"][workload]["registration"]["name"])
    except (KeyError, TypeError, OmegaConfBaseException, YAMLError) as error:
        raise InputError(f"{project / 'conf'} cannot be read, or lacks something: {error}") from error
    if not address:
        raise InputError(
            f"{project / 'conf'} names no registry in mlflow.yml: set {_URI}, or name a model with --model"
        )
    return _resolve(project, str(address)), name


def _resolve(project: Path, address: str) -> str:
    if address.startswith(_SQLITE):
        return f"{_SQLITE}{project / address.removeprefix(_SQLITE)}"
    is_folder = not urlsplit(address).scheme and address != "databricks"
    return str(project / address) if is_folder else address


def _hide(address: str) -> str:
    """Leave out a password."""
    parts = urlsplit(address)
    return address.replace(parts.netloc, parts.netloc.rpartition("@")[2]) if "@" in parts.netloc else address
