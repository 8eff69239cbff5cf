"""The Stack Exchange data dump (Posts.xml, PostLinks.xml) as a Kedro dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from triptych.errors import InputError
from triptych.faq.dump.files import find_dump_file
from triptych.faq.dump.stack_exchange import StackExchangeSource


class StackExchangeDataset(AbstractDataset[NoReturn, "StackExchangeSource"]):
    """Read a Stack Exchange dump.

    The folder holds Posts.xml and PostLinks.xml, each plain, as .gz or as .7z, or the 7z archive of a whole
    site; `filepath` may also be such an archive. Loading gives a lazy handle.

    Args:
        filepath: the folder or the archive.
        metadata: of no meaning to Kedro; for plugins.
    """

    def __init__(
        self,
        *,
        filepath: str | Path,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> StackExchangeSource:
        """Find the dump's files and return a handle on them.

        Raises:
            DatasetError: a file is missing, or an archive cannot be listed.
        """
        try:
            posts, links = (find_dump_file(self._filepath, name) for name in ("Posts.xml", "PostLinks.xml"))
        except InputError as error:
            raise DatasetError(str(error)) from error
        return StackExchangeSource(posts, links)

    def save(self, data: NoReturn) -> None:  # noqa: ARG002 - Kedro gives the name
        """Refuse: raw data is never written."""
        raise DatasetError(f"{type(self).__name__} is read-only.")

    def _exists(self) -> bool:
        try:
            self.load()
        except DatasetError:
            return False
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
