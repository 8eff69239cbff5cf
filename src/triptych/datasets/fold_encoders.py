"""The encoders of faq's folds, with the vectors of the questions, as a folder of plain files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset, DatasetError

from triptych.storage.local_files import replace_folder

if TYPE_CHECKING:
    from triptych.faq.encoding.fold_encoders import FoldEncoders


class FoldEncodersDataset(AbstractDataset["FoldEncoders", "FoldEncoders"]):
    """Save and load encoders; the folder appears under its name only when complete.

    Args:
        filepath: The folder.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> FoldEncoders:
        """Read the encoders; there are none where none was asked for.

        Raises:
            DatasetError: If the folder does not exist.
        """
        # Imported here so that `kedro` starts without numpy.
        from triptych.faq.encoding.fold_encoders import FoldEncoders

        if not self._exists():
            raise DatasetError(
                f"{self._filepath} does not exist: run the node that writes it (faq.featurize_candidates) first"
            )
        return FoldEncoders.load(self._filepath)

    def save(self, data: FoldEncoders) -> None:
        """Write into a new folder beside the target, then put it in the target's place."""
        with replace_folder(self._filepath) as folder:
            data.save(folder)

    def _exists(self) -> bool:
        return (self._filepath / "encoders.json").is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
