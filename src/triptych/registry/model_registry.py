"""Find, read and promote versions in MLflow's registry."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREFIX = "triptych."
PROMOTED_TAG = f"{PREFIX}promoted"
ALIAS = "champion"
REPORT_FOLDER = "report"

_logger = logging.getLogger(__name__)


class UnreadableVersionError(RuntimeError):
    """A file of a registered version cannot be had."""


@dataclass(frozen=True)
class PromotedModel:
    """The promoted version of a model."""

    name: str
    version: int

    @property
    def uri(self) -> str:
        """What `mlflow.pyfunc.load_model` and `mlflow models serve -m` take."""
        return f"models:/{self.name}/{self.version}"

    def read_text(self, path: str) -> str:
        """Download one text file of the version.

        Args:
            path: Its path within the model's folder.

        Raises:
            UnreadableVersionError: If it is not there or the server does not give it.
        """
        with tempfile.TemporaryDirectory(prefix="triptych-registry-") as folder:
            found = self.download(path, Path(folder))
            try:
                return found.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise self._unreadable(path, error) from error

    def download(self, path: str, folder: Path) -> Path:
        """Download a file or a folder of the version.

        Args:
            path: Its path within the model's folder.
            folder: Where to; must exist.

        Returns:
            What was downloaded.

        Raises:
            UnreadableVersionError: If it is not there or the server does not give it.
        """
        import mlflow
        from requests import RequestException

        try:
            return Path(mlflow.artifacts.download_artifacts(f"{self.uri}/{path}", dst_path=str(folder)))
        except (mlflow.MlflowException, RequestException, OSError) as error:
            raise self._unreadable(path, error) from error

    def _unreadable(self, path: str, error: Exception) -> UnreadableVersionError:
        # MLflow's messages may run over many lines.
        cause = " ".join(str(error).split())
        return UnreadableVersionError(f"{self.uri}/{path} cannot be read: {cause}")


class ModelRegistry:
    """The registry of a tracking server; nothing is asked before it is needed.

    Args:
        tracking_uri: Of the server; None takes the one that MLflow is set to.
    """

    def __init__(self, tracking_uri: str | None = None) -> None:
        self._tracking_uri = tracking_uri

    def find_promoted(self, name: str) -> PromotedModel | None:
        """Find the promoted version of a model; None if there is none, nor a model of that name."""
        versions = _promoted_versions(self._make_client(), name)
        # Two are marked for a moment while the mark moves on, and after a crash in that moment.
        return PromotedModel(name, max(versions)) if versions else None

    def read_source(self, model: PromotedModel) -> str:
        """Give the address that a version was registered from, which no other version has."""
        return str(self._make_client().get_model_version(model.name, str(model.version)).source)

    def promote(self, name: str, version: int) -> bool:
        """Mark a version as the promoted one, and take the mark off the others.

        Args:
            name: The model.
            version: Its version.

        Returns:
            Whether the alias `champion` was set too; servers without aliases (Azure ML) have the tag only.
        """
        client = self._make_client()
        client.set_model_version_tag(name, str(version), PROMOTED_TAG, "true")
        for other in _promoted_versions(client, name):
            if other != version:
                client.set_model_version_tag(name, str(other), PROMOTED_TAG, "false")
        return _set_alias(client, name, version)

    def _make_client(self) -> Any:
        import mlflow

        return mlflow.MlflowClient(self._tracking_uri, self._tracking_uri)


def _promoted_versions(client: Any, name: str) -> list[int]:
    # Servers differ in which filters they know; every one knows the name.
    versions = client.search_model_versions(f"name='{name}'")
    return [int(version.version) for version in versions if version.tags.get(PROMOTED_TAG) == "true"]


def _set_alias(client: Any, name: str, version: int) -> bool:
    from mlflow import MlflowException

    try:
        client.set_registered_model_alias(name, ALIAS, str(version))
    except MlflowException as error:
        _logger.info("No alias %r on this server (%s): the tag %s marks the version", ALIAS, error, PROMOTED_TAG)
        return False
    return True
