"""A trial of a search as a folder: its record and its checkpoint."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset, DatasetError

from triptych.storage.local_files import replace_folder
from triptych.tuning.trials import Trial

_RECORD = "trial.json"
_CHECKPOINT = "checkpoint"


class TrialDataset(AbstractDataset[Trial, Trial]):
    """Save and load a trial; the folder appears under its name only when complete.

    A loaded trial's checkpoint is the folder in the dataset itself: read it, do not write into it.

    Args:
        filepath: The folder.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Trial:
        """Read the record; the checkpoint stays on disk."""
        record = self._filepath / _RECORD
        if not record.is_file():
            raise DatasetError(f"{self._filepath} holds no trial: run the search from its start")
        checkpoint = self._filepath / _CHECKPOINT
        values = json.loads(record.read_text(encoding="utf-8"))
        return Trial.from_json(values, checkpoint if checkpoint.is_dir() else None)

    def save(self, data: Trial) -> None:
        """Copy record and checkpoint into a new folder, then put it in the target's place."""
        with replace_folder(self._filepath) as folder:
            if data.checkpoint is not None:
                shutil.copytree(data.checkpoint, folder / _CHECKPOINT)
            (folder / _RECORD).write_text(json.dumps(data.to_json(), indent=1), encoding="utf-8")

    def _exists(self) -> bool:
        return (self._filepath / _RECORD).is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
