"""A stream of record batches as one Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from kedro.io import AbstractDataset, DatasetError

from triptych.faq.dump.parquet_batches import BatchStream, PostFile, write_batches
from triptych.storage.local_files import replace_file

if TYPE_CHECKING:
    from triptych.faq.ranking.feature_file import FeatureFile


class ParquetBatchesDataset(AbstractDataset[BatchStream, PostFile]):
    """Save a stream of record batches with its report as a Parquet file; load a lazy handle on it.

    The file appears under its name only when complete.

    Args:
        filepath: the Parquet file.
        metadata: of no meaning to Kedro; for plugins.
    """

    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> PostFile:
        """Return a handle on the file.

        Raises:
            DatasetError: it does not exist or is not Parquet.
        """
        if not self._filepath.is_file():
            raise DatasetError(f"{self._filepath} does not exist: run the node that writes it first.")
        try:
            pq.read_metadata(self._filepath)
        except pa.ArrowInvalid as error:
            raise DatasetError(f"{self._filepath} is not a Parquet file: {error}") from error
        return PostFile(self._filepath)

    def save(self, data: BatchStream) -> None:
        """Write every batch, then the report, under a temporary name; then rename."""
        with replace_file(self._filepath) as part:
            write_batches(part, data)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class FeaturesDataset(ParquetBatchesDataset):
    """The candidates of faq's questions: a stream is saved, a lazy handle is loaded.

    Args:
        filepath: the Parquet file.
        metadata: of no meaning to Kedro; for plugins.
    """

    # Kedro writes down the arguments of a signature, not of one that it inherits.
    def __init__(self, *, filepath: str | Path, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath=filepath, metadata=metadata)

    def load(self) -> FeatureFile:
        """Return a handle on the file.

        Raises:
            DatasetError: it does not exist or is not Parquet.
        """
        # Imported here: it brings scikit-learn with it.
        from triptych.faq.ranking.feature_file import FeatureFile

        return FeatureFile(super().load().path)
