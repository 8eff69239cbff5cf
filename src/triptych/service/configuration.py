"""Settings of the service from conf/, and from the command line over them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader
from omegaconf.resolvers import oc

from triptych.errors import InputError
from triptych.service.params import ServiceParams, Workload
from triptych.service.sources import Settings

_PATTERNS = {"service": ["service*"], "mlflow": ["mlflow*"]}


def read_settings(
    project: Path,
    environment: str,
    workloads: tuple[Workload, ...],
    given: Mapping[str, Any],
    token: str | None = None,
    mlflow_uri: str | None = None,
    style_model: Path | None = None,
) -> Settings:
    """Read what the service is made by.

    Args:
        project: The folder that holds `conf/`.
        environment: A folder of `conf/` over `conf/base`.
        workloads: What is served.
        given: Fields of `ServiceParams` over those of conf.
        token: What requests have to carry.
        mlflow_uri: Of the registry, over that of conf.
        style_model: The default style, over that of conf.

    Raises:
        InputError: If there is no conf, or a setting is wrong.
    """
    conf = project / "conf"
    if not (conf / ("base" if environment == "local" else environment)).is_dir():
        raise InputError(f"there is no {conf / environment}: run this in the project's folder")
    loader = OmegaConfigLoader(
        str(conf),
        base_env="base",
        default_run_env=environment,
        config_patterns=_PATTERNS,
        # An environment's file names only what differs from conf/base.
        merge_strategy={"parameters": "soft", "service": "soft"},
        custom_resolvers={"oc.env": oc.env},
    )
    try:
        params = ServiceParams.read({**loader["service"]["service"], **given}, "service")
    except (ValueError, MissingConfigException) as error:
        raise InputError(f"{conf}: {error}") from error
    names, globals_ = loader["parameters"], loader["globals"]
    return Settings(
        workloads=tuple(dict.fromkeys(workloads)),
        params=params,
        tracking_uri=mlflow_uri or _find_registry(loader, environment),
        models={workload: names[workload]["registration"]["name"] for workload in ("faq", "shelf")},
        style_model=project / (style_model or globals_["style_model"]),
        token=token,
        reports=_find_reports(project, str(globals_["data_root"])),
    )


def _find_reports(project: Path, data_root: str) -> Path | None:
    return None if "://" in data_root else project / data_root / "08_reporting"


def _find_registry(loader: OmegaConfigLoader, environment: str) -> str:
    uri = loader["mlflow"]["server"]["mlflow_tracking_uri"]
    if uri is None:
        raise InputError(f"conf/{environment}/mlflow.yml names no registry: give --mlflow-uri")
    return str(uri)
