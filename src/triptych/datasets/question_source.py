"""Raw questions as Kedro datasets: a Stack Exchange dump (Posts.xml, PostLinks.xml), or the reference's TSV triple."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from kedro.io import AbstractDataset, DatasetError

from triptych.errors import InputError
from triptych.faq.dump.files import find_dump_file, find_tsv_triple
from triptych.faq.dump.stack_exchange import StackExchangeSource
from triptych.faq.dump.tsv_triple import QuestionTsvSource

Source = TypeVar("Source")


class _QuestionSourceDataset(AbstractDataset[NoReturn, Source]):
    """Find raw files; loading gives a lazy handle on them.

    Args:
        filepath: where they are.
        metadata: of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    @abstractmethod
    def _find(self) -> Source:
        """Find the files, or raise an InputError."""

    def load(self) -> Source:
        """Find the files and return a handle on them.

        Raises:
            DatasetError: a file is missing, or an archive cannot be listed.
        """
        try:
            return self._find()
        except InputError as error:
            raise DatasetError(str(error)) from error

    def save(self, data: NoReturn) -> None:  # noqa: ARG002 - Kedro gives the name
        """Refuse: raw data is never written."""
        raise DatasetError(f"{type(self).__name__} is read-only.")

    def _exists(self) -> bool:
        try:
            self._find()
        except InputError:
            return False
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class StackExchangeDataset(_QuestionSourceDataset[StackExchangeSource]):
    """Read a Stack Exchange dump.

    The folder holds Posts.xml and PostLinks.xml, each plain, as .gz or as .7z, or the 7z archive of a whole
    site; `filepath` may also be such an archive. Loading gives a lazy handle.

    Args:
        filepath: the folder or the archive.
        metadata: of no meaning to Kedro; for plugins.
    """

    def _find(self) -> StackExchangeSource:
        return StackExchangeSource(*(find_dump_file(self._filepath, name) for name in ("Posts.xml", "PostLinks.xml")))


class QuestionTsvDataset(_QuestionSourceDataset[QuestionTsvSource]):
    """Read the reference's TSV triple.

    The folder holds orig-q.tsv.gz and dup-q.tsv.gz (columns Id, AnswerId, Text0, CreationDate) and
    ans.tsv.gz (Id, Text0), in UTF-8 without a header, or the same without .gz. A duplicate's original is the
    original question with the same AnswerId. Loading gives a lazy handle.

    Args:
        filepath: the folder.
        metadata: of no meaning to Kedro; for plugins.
    """

    def _find(self) -> QuestionTsvSource:
        return QuestionTsvSource(find_tsv_triple(self._filepath))
