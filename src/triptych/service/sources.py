"""Where the versions come from that are served: the registry, and for video a folder of styles."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from triptych.service.params import ServiceParams, Workload
from triptych.service.served_model import Version


@dataclass(frozen=True)
class Settings:
    """All that the service is made by.

    Attributes:
        workloads: What is served.
        params: Of conf and the command line.
        tracking_uri: Of MLflow's registry.
        models: Names in the registry, by workload.
        style_model: File of the default style; the others are beside it.
        token: What requests have to carry; None where none is needed.
        reports: Folder with the pictures of reports; None where it is not on this machine.
    """

    workloads: tuple[Workload, ...]
    params: ServiceParams
    tracking_uri: str
    models: dict[str, str]
    style_model: Path
    token: str | None = field(default=None, repr=False)
    reports: Path | None = None


class Source(Protocol):
    """Where the versions of one model come from. Its calls may take long, and are made in a thread."""

    def find(self) -> str | None:
        """Name the version that is to be served; None if there is none."""

    def fetch(self, name: str) -> Version:
        """Bring its files here."""

    def advise(self) -> str:
        """Say what to do where there is none."""


class RegisteredSource:
    """The promoted version of a model in MLflow's registry.

    Args:
        workload: `faq` or `shelf`.
        settings: Of the service.
    """

    def __init__(self, workload: str, settings: Settings) -> None:
        self._workload, self._settings = workload, settings
        self._model = settings.models[workload]

    def find(self) -> str | None:
        """Name the promoted version."""
        from triptych.registry import ModelRegistry

        promoted = ModelRegistry(self._settings.tracking_uri).find_promoted(self._model)
        return f"{self._model} {promoted.version}" if promoted else None

    def fetch(self, name: str) -> Version:
        """Copy its files: the registry's may be deleted while they are served."""
        import mlflow

        folder = tempfile.TemporaryDirectory(prefix="triptych-served-", ignore_cleanup_errors=True)
        model, _, version = name.rpartition(" ")
        mlflow.set_tracking_uri(self._settings.tracking_uri)  # MLflow looks up models:/ nowhere else
        try:
            uri = f"models:/{model}/{version}"
            path = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder.name)
        except BaseException:
            folder.cleanup()
            raise
        return Version(name, self._describe(str(path)), folder)

    def advise(self) -> str:
        """Say what to do where none is promoted."""
        return (
            f"no version of {self._model} is promoted in {self._settings.tracking_uri}: "
            f"`kedro run --pipelines {self._workload}` trains, registers and promotes one"
        )

    def _describe(self, path: str) -> dict[str, Any]:
        params = self._settings.params
        joined = params.batch.max_faq_rows if self._workload == "faq" else params.batch.max_shelf_rows
        rows = {"max_rows": params.limits.max_rows, "max_joined_rows": joined}
        log = {"folder": str(Path(params.log_requests, self._workload).absolute()), "max_mb": params.max_log_mb}
        return {"workload": self._workload, "path": path, **rows, "log": log if params.log_requests else None}


class StyleSource:
    """A folder of styles; another version is one of whose files another was added, changed or removed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._style_model = settings.style_model

    def find(self) -> str | None:
        """Name what is in the folder now."""
        files = sorted({*self._style_model.parent.glob("*.pth"), *filter(Path.is_file, [self._style_model])})
        if not files:
            return None
        seen = [(file.name, status.st_size, status.st_mtime_ns) for file in files for status in [file.stat()]]
        # Not by the newest alone: a file that is put back has the time that it had.
        return f"{len(files)} files of styles, {hashlib.sha256(repr(seen).encode()).hexdigest()[:12]}"

    def fetch(self, name: str) -> Version:
        """Name the files where they are."""
        limits = self._settings.params.limits
        spec = {"workload": "video", "path": str(self._style_model), "max_pixels": limits.max_frame_pixels}
        return Version(name, spec)

    def advise(self) -> str:
        """Say what to do where there is none."""
        return f"there is no style in {self._style_model.parent}: set style_model in conf/base/globals.yml"


def make_source(workload: str, settings: Settings) -> Source:
    """Choose where a workload's versions come from."""
    return StyleSource(settings) if workload == "video" else RegisteredSource(workload, settings)
