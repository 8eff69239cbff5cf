"""Kedro's own file datasets, except that a local file appears whole or not at all.

Kedro's write in place: a run killed while saving leaves half a file, which `--only-missing-outputs` and
`--from-nodes` then take for a result.
"""

from __future__ import annotations

import contextlib
import copy
import os
import uuid
from pathlib import PurePosixPath
from typing import Any

from kedro_datasets.json import JSONDataset as KedroJSONDataset
from kedro_datasets.pandas import CSVDataset as KedroCSVDataset
from kedro_datasets.pandas import ParquetDataset as KedroParquetDataset
from kedro_datasets.plotly import JSONDataset as KedroPlotlyDataset
from kedro_datasets.text import TextDataset as KedroTextDataset

__all__ = ["AtomicSave", "CSVDataset", "JSONDataset", "ParquetDataset", "PlotlyDataset", "TextDataset"]


class AtomicSave:
    """Makes a file dataset of kedro-datasets save to a name beside the target and rename it at the end.

    Put it before the dataset among the base classes. Remote filesystems pass through: their uploads
    appear whole anyway, and a rename would copy.
    """

    _protocol: str
    _filepath: PurePosixPath
    _version: Any

    def save(self, data: Any) -> None:
        """Save the data.

        Args:
            data: What the dataset stores.
        """
        if self._protocol != "file":
            super().save(data)  # type: ignore[misc]
            return
        # What a symbolic link points to is replaced, as by Kedro's, and not the link.
        target = PurePosixPath(os.path.realpath(self._get_save_path()))  # type: ignore[attr-defined]
        part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
        writer = copy.copy(self)
        writer._filepath, writer._version = part, None
        try:
            super(AtomicSave, writer).save(data)  # type: ignore[misc]
            os.replace(part, target)  # noqa: PTH105 - these are PurePosixPaths
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)  # noqa: PTH108
            raise


class ParquetDataset(AtomicSave, KedroParquetDataset):  # type: ignore[misc]
    """A pandas DataFrame in one Parquet file."""


class CSVDataset(AtomicSave, KedroCSVDataset):  # type: ignore[misc]
    """A pandas DataFrame in one CSV file."""


class JSONDataset(AtomicSave, KedroJSONDataset):  # type: ignore[misc]
    """Anything JSON can hold."""


class PlotlyDataset(AtomicSave, KedroPlotlyDataset):  # type: ignore[misc]
    """A plotly figure in one JSON file."""


class TextDataset(AtomicSave, KedroTextDataset):  # type: ignore[misc]
    """A text file."""
