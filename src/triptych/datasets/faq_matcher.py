"""A trained FAQ matcher as a folder of plain files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro.io import AbstractDataset

from triptych.storage.local_files import replace_folder

if TYPE_CHECKING:
    from triptych.faq.matcher import FaqMatcher


class FaqMatcherDataset(AbstractDataset["FaqMatcher", "FaqMatcher"]):
    """Save and load a matcher; the folder appears under its name only when complete.

    Args:
        filepath: The folder.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> FaqMatcher:
        """Read the matcher."""
        # Imported here: it brings scikit-learn and LightGBM with it.
        from triptych.faq.matcher import FaqMatcher

        return FaqMatcher.load(self._filepath)

    def save(self, data: FaqMatcher) -> None:
        """Write into a new folder beside the target, then put it in the target's place.

        Raises:
            InputError: If it was made by adding to another matcher than the one that is there.
        """
        data.revision.check_replaceable(self._filepath)
        with replace_folder(self._filepath, data.revision.check_replaceable) as folder:
            data.save(folder)

    def _exists(self) -> bool:
        return (self._filepath / "about.json").is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
