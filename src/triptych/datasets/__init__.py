"""Datasets of our own; each is imported when it is first asked for, so that `kedro` starts without pandas."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from triptych.datasets.atomic import CSVDataset as CSVDataset
    from triptych.datasets.atomic import JSONDataset as JSONDataset
    from triptych.datasets.atomic import ParquetDataset as ParquetDataset
    from triptych.datasets.atomic import PlotlyDataset as PlotlyDataset
    from triptych.datasets.atomic import TextDataset as TextDataset
    from triptych.datasets.confirmed_files import ConfirmedFilesDataset as ConfirmedFilesDataset
    from triptych.datasets.faq_matcher import FaqMatcherDataset as FaqMatcherDataset
    from triptych.datasets.file import FileDataset as FileDataset
    from triptych.datasets.fold_encoders import FoldEncodersDataset as FoldEncodersDataset
    from triptych.datasets.folder import FolderDataset as FolderDataset
    from triptych.datasets.landing_folder import LandingFolderDataset as LandingFolderDataset
    from triptych.datasets.mounted import MountedAssetDataset as MountedAssetDataset
    from triptych.datasets.mounted import MountedDataset as MountedDataset
    from triptych.datasets.optional_json import OptionalJSONDataset as OptionalJSONDataset
    from triptych.datasets.parquet_batches import FeaturesDataset as FeaturesDataset
    from triptych.datasets.parquet_batches import ParquetBatchesDataset as ParquetBatchesDataset
    from triptych.datasets.picture import PictureDataset as PictureDataset
    from triptych.datasets.question_file import AdditionFileDataset as AdditionFileDataset
    from triptych.datasets.question_file import QuestionFileDataset as QuestionFileDataset
    from triptych.datasets.question_source import QuestionTsvDataset as QuestionTsvDataset
    from triptych.datasets.question_source import StackExchangeDataset as StackExchangeDataset
    from triptych.datasets.registered_model import ModelRegistryDataset as ModelRegistryDataset
    from triptych.datasets.registered_model import RegisteredModelDataset as RegisteredModelDataset
    from triptych.datasets.state_dict import StateDictDataset as StateDictDataset
    from triptych.datasets.tracked_metrics import TrackedMetricsDataset as TrackedMetricsDataset
    from triptych.datasets.trials import TrialsDataset as TrialsDataset
    from triptych.datasets.work_folder import WorkFolderDataset as WorkFolderDataset

_MODULES = {
    "AdditionFileDataset": "question_file",
    "CSVDataset": "atomic",
    "ConfirmedFilesDataset": "confirmed_files",
    "FaqMatcherDataset": "faq_matcher",
    "FeaturesDataset": "parquet_batches",
    "FileDataset": "file",
    "FoldEncodersDataset": "fold_encoders",
    "FolderDataset": "folder",
    "JSONDataset": "atomic",
    "LandingFolderDataset": "landing_folder",
    "ModelRegistryDataset": "registered_model",
    "MountedAssetDataset": "mounted",
    "MountedDataset": "mounted",
    "OptionalJSONDataset": "optional_json",
    "ParquetBatchesDataset": "parquet_batches",
    "ParquetDataset": "atomic",
    "PictureDataset": "picture",
    "PlotlyDataset": "atomic",
    "QuestionFileDataset": "question_file",
    "QuestionTsvDataset": "question_source",
    "RegisteredModelDataset": "registered_model",
    "StackExchangeDataset": "question_source",
    "StateDictDataset": "state_dict",
    "TextDataset": "atomic",
    "TrackedMetricsDataset": "tracked_metrics",
    "TrialsDataset": "trials",
    "WorkFolderDataset": "work_folder",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    """Import the dataset of that name (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    dataset = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = dataset
    return dataset


def __dir__() -> list[str]:
    """List the datasets without importing them."""
    return list(__all__)
