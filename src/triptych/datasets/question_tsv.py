"""The reference's TSV triple (original questions, duplicates, answers) as a Kedro dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from triptych.faq.dump.tsv_triple import QuestionTsvSource, TsvTriple


class QuestionTsvDataset(AbstractDataset[NoReturn, "QuestionTsvSource"]):
    """Read the reference's TSV triple.

    The folder holds orig-q.tsv.gz and dup-q.tsv.gz (columns Id, AnswerId, Text0, CreationDate) and
    ans.tsv.gz (Id, Text0), in UTF-8 without a header, or the same without .gz. A duplicate's original is the
    original question with the same AnswerId. Loading gives a lazy handle.

    Args:
        filepath: the folder.
        metadata: of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> QuestionTsvSource:
        """Find the three files and return a handle on them.

        Raises:
            DatasetError: one is missing.
        """
        return QuestionTsvSource(TsvTriple(*(self._find(name) for name in ("orig-q", "dup-q", "ans"))))

    def save(self, data: NoReturn) -> None:  # noqa: ARG002 - Kedro gives the name
        """Refuse: raw data is never written."""
        raise DatasetError(f"{type(self).__name__} is read-only.")

    def _find(self, name: str) -> Path:
        for path in (self._filepath / f"{name}.tsv.gz", self._filepath / f"{name}.tsv"):
            if path.is_file():
                return path
        raise DatasetError(
            f"No {name}.tsv.gz in {self._filepath.absolute()}: looked for {name}.tsv.gz and {name}.tsv. Put "
            "orig-q, dup-q and ans there, or point the catalog entry's filepath to the folder that has them."
        )

    def _exists(self) -> bool:
        try:
            self.load()
        except DatasetError:
            return False
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
