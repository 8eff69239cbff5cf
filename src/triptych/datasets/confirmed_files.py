"""The list of files that are done, of which a landing folder hands out the others."""

from __future__ import annotations

from typing import Any

from kedro.io import AbstractDataset, DatasetError

from triptych.storage.ledgers import Ledger


class ConfirmedFilesDataset(AbstractDataset[dict[str, str], dict[str, str]]):
    """Add files to those that are done, by name with their fingerprints.

    What is saved is added to the list, also where other runs do the same at that moment. The files are those that
    this run was handed by a `LandingFolderDataset` on the same list, and has finished with.

    Args:
        checkpoint: `filepath` of the list, a JSON file, local or remote (Kedro makes it absolute under this key).
        credentials: For its file system.
        fs_args: Further arguments of that file system.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(
        self,
        *,
        checkpoint: dict[str, str],
        credentials: dict[str, Any] | None = None,
        fs_args: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = str(checkpoint["filepath"])
        self._options = {**(credentials or {}), **(fs_args or {})}
        self.metadata = metadata

    def load(self) -> dict[str, str]:
        """Give all that are done, nothing while there is no list.

        Raises:
            DatasetError: If the file is no such list.
        """
        try:
            return self._ledger().read()
        except ValueError as error:
            raise DatasetError(str(error)) from error

    def save(self, data: dict[str, str]) -> None:
        """Add files to the list.

        Raises:
            DatasetError: If the file is no such list.
        """
        try:
            self._ledger().add(data)
        except ValueError as error:
            raise DatasetError(str(error)) from error

    def _ledger(self) -> Ledger:
        return Ledger(self._filepath, self._options)

    def _exists(self) -> bool:
        return bool(self.load())

    def _describe(self) -> dict[str, Any]:
        return {"checkpoint": self._filepath}
