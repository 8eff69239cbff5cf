"""MLflow's model registry as datasets: one to ask it, one to register a version."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from triptych.datasets.atomic import JSONDataset

if TYPE_CHECKING:
    from triptych.registry import ModelRegistry, NewVersion

_logger = logging.getLogger(__name__)


class ModelRegistryDataset(AbstractDataset[NoReturn, "ModelRegistry"]):
    """The registry of the tracking server that the run logs to; asked only when the node asks.

    Args:
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, metadata: dict[str, Any] | None = None) -> None:
        self.metadata = metadata

    def load(self) -> ModelRegistry:
        """Return the handle."""
        from triptych.registry import ModelRegistry

        return ModelRegistry()

    def save(self, _: Any) -> NoReturn:
        """Refuse: versions are registered by RegisteredModelDataset."""
        raise DatasetError("the registry is an input here: save to a triptych.datasets.RegisteredModelDataset")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {}


class RegisteredModelDataset(JSONDataset):
    """Saving registers a model as the next version of its name; what is kept, and loaded, is the record of it.

    The version goes to the run that is active in this thread, kedro-mlflow's, or to a run of its own.

    Args:
        filepath: The record, a JSON file.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def save(self, data: NewVersion) -> None:
        """Register, then write the record.

        Args:
            data: The model and its model card.
        """
        from triptych.registry import register

        record = register(data)
        promoted = "promoted" if record["promoted"] else "not promoted"
        _logger.info("%s is %s: %s", record["model_uri"], promoted, record["reason"])
        super().save(record)
