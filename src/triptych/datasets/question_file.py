"""Questions from a file as people have them, CSV or Parquet: new ones to answer, and those to add to the FAQ."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from kedro.io import AbstractDataset, DatasetError

if TYPE_CHECKING:
    import pandas as pd


class _TableFileDataset(AbstractDataset["pd.DataFrame", "pd.DataFrame"]):
    """Load a table from a CSV (UTF-8, with a header) or Parquet file, told apart by the name's ending.

    Args:
        filepath: The file; `.csv`, `.csv.gz` or `.parquet`.
        metadata: Of no meaning to Kedro; for plugins.
    """

    _PARAMETER: ClassVar[str]
    """Name of the run-time parameter that gives the file."""

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the table.

        Raises:
            DatasetError: It cannot be read, or a column is missing or wrong; the message names the file.
        """
        try:
            return self._complete(self._read())
        except ValueError as error:
            raise DatasetError(f"{self._filepath}: {error}") from error

    @staticmethod
    @abstractmethod
    def _complete(table: pd.DataFrame) -> pd.DataFrame:
        """Fill in what may be left out, or raise a ValueError."""

    def save(self, _: pd.DataFrame) -> NoReturn:
        """Refuse: this is an input."""
        raise DatasetError(f"{self._filepath} is an input and is never written")

    def _read(self) -> pd.DataFrame:
        import pandas as pd

        if not self._filepath.is_file():
            raise DatasetError(
                f"{self._filepath} does not exist: give a .csv or .parquet file of questions with "
                f"`--params {self._PARAMETER}=FILE`"
            )
        try:
            if self._filepath.suffix == ".parquet":
                return pd.read_parquet(self._filepath)
            # Text stays as it is: a question may be titled "null", "NaN" or "1.10", and a ticket numbered 007.
            missing = {column: [""] for column in ("question_id", "original_id", "answer_id")}
            return pd.read_csv(self._filepath, encoding="utf-8", dtype=str, keep_default_na=False, na_values=missing)
        except (ValueError, OSError, pd.errors.ParserError) as error:
            raise DatasetError(f"{self._filepath} cannot be read: {error}") from error

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class QuestionFileDataset(_TableFileDataset):
    """Load new questions.

    Columns: `title`, `body` (HTML or plain text), of which one may be missing, and optionally
    `question_id` (whole numbers or text, unique; counted from 1 where the column is missing). Loading gives
    `question_id` (int64 or str, unique), `title`, `body` (str; empty where there is none).

    Args:
        filepath: The file; `.csv`, `.csv.gz` or `.parquet`.
        metadata: Of no meaning to Kedro; for plugins.
    """

    _PARAMETER = "faq_questions"

    # Kedro writes down the arguments of a signature, not of one that it inherits.
    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath=filepath, metadata=metadata)

    @staticmethod
    def _complete(table: pd.DataFrame) -> pd.DataFrame:
        # Imported here: it brings the HTML parser with it.
        from triptych.faq.text.new_questions import complete_columns

        return complete_columns(table)


class AdditionFileDataset(_TableFileDataset):
    """Load questions to add to the FAQ.

    Columns: `question_id`, and `title` or `body`; optionally `original_id` (of a duplicate), `tags`, and of originals
    `answer_id` and `answer` (HTML or plain text). Loading gives all of them as str, empty where there is nothing.

    Args:
        filepath: The file; `.csv`, `.csv.gz` or `.parquet`.
        metadata: Of no meaning to Kedro; for plugins.
    """

    _PARAMETER = "faq_additions"

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath=filepath, metadata=metadata)

    @staticmethod
    def _complete(table: pd.DataFrame) -> pd.DataFrame:
        from triptych.faq.selection import complete_additions

        return complete_additions(table)
