"""New questions to answer, from a file as people have it: CSV or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

if TYPE_CHECKING:
    import pandas as pd


class QuestionFileDataset(AbstractDataset["pd.DataFrame", "pd.DataFrame"]):
    """Load questions from a CSV (UTF-8, with a header) or Parquet file, told apart by the name's ending.

    Columns: `title`, `body` (HTML or plain text), of which one may be missing, and optionally
    `question_id` (whole numbers or text, unique; counted from 1 where the column is missing).

    Args:
        filepath: The file; `.csv`, `.csv.gz` or `.parquet`.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> pd.DataFrame:
        """Read the questions.

        Returns:
            Columns `question_id` (int64 or str, unique), `title`, `body` (str; empty where there is none).

        Raises:
            DatasetError: It cannot be read, or a column is missing or wrong; the message names the file.
        """
        # Imported here: it brings the HTML parser with it.
        from triptych.faq.text.new_questions import complete_columns

        try:
            return complete_columns(self._read())
        except ValueError as error:
            raise DatasetError(f"{self._filepath}: {error}") from error

    def save(self, _: pd.DataFrame) -> NoReturn:
        """Refuse: this is an input."""
        raise DatasetError(f"{self._filepath} is an input and is never written")

    def _read(self) -> pd.DataFrame:
        import pandas as pd

        if not self._filepath.is_file():
            raise DatasetError(
                f"{self._filepath} does not exist: give a .csv or .parquet file of questions with "
                "`--params faq_questions=FILE`"
            )
        try:
            if self._filepath.suffix == ".parquet":
                return pd.read_parquet(self._filepath)
            # Text stays as it is: a question may be titled "null", "NaN" or "1.10", and a ticket numbered 007.
            texts, ids = {"title": str, "body": str, "question_id": str}, {"question_id": [""]}
            return pd.read_csv(self._filepath, encoding="utf-8", dtype=texts, keep_default_na=False, na_values=ids)
        except (ValueError, OSError, pd.errors.ParserError) as error:
            raise DatasetError(f"{self._filepath} cannot be read: {error}") from error

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}
