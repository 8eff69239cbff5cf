"""JSON that need not be there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from triptych.datasets.atomic import JSONDataset
from triptych.storage.blob_storage import account_of, without_account


class OptionalJSONDataset(JSONDataset):
    """JSON in a file; while there is none, an empty dict.

    Args:
        filepath: The file, local or `abfs://container@account.dfs.core.windows.net/file`.
        credentials: For the file system; the account may be named in the address instead.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(
        self,
        *,
        filepath: str | Path,
        credentials: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        options = {**account_of(filepath), **(credentials or {})}
        super().__init__(filepath=without_account(filepath), credentials=options or None, metadata=metadata)

    def load(self) -> Any:
        """Read the file if there is one."""
        return super().load() if self.exists() else {}
