"""kedro-azureml's datasets, saved in a way that Azure's storage mounts can do.

Most datasets write under another name and rename. On a mount of blob storage a rename is a copy and a deletion of
every file, or is not there at all (microsoft/hi-ml pull request 258). So they save to a scratch folder, and what is
complete is copied to the mount; nobody reads it before the step has ended.
"""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

from kedro.io import Version
from kedro_azureml.datasets import AzureMLAssetDataset, AzureMLPipelineDataset

from triptych.distributed import is_primary

_COPIES_AT_ONCE = 8  # each waits for the network


class _SavedByCopy:
    """Goes before one of kedro-azureml's datasets among the base classes."""

    root_dir: str
    _local_run = False

    def _save(self, data: Any) -> None:
        if not is_primary():
            return
        if self._local_run:  # `kedro run` on a laptop
            super()._save(data)  # type: ignore[misc]
            return
        mount = Path(self.root_dir)
        with tempfile.TemporaryDirectory(prefix="triptych-output-") as scratch:
            self.root_dir = scratch
            try:
                super()._save(data)  # type: ignore[misc]
            finally:
                self.root_dir = str(mount)
            copy_files(Path(scratch), mount)


class MountedDataset(_SavedByCopy, AzureMLPipelineDataset):  # type: ignore[misc]
    """What steps hand on, in the folder that Azure mounts for it.

    Args:
        dataset: The configuration of the dataset in that folder.
        root_dir: The folder; kedro-azureml's runner sets it.
        filepath_arg: The option of that dataset that takes its path.
        metadata: Of no meaning to Kedro; for plugins.
    """

    # Kedro writes down the arguments of a signature, not of one that it inherits.
    def __init__(
        self,
        dataset: dict[str, Any],
        root_dir: str = "data",
        filepath_arg: str = "filepath",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(dataset, root_dir, filepath_arg, metadata)


class MountedAssetDataset(_SavedByCopy, AzureMLAssetDataset):  # type: ignore[misc]
    """A data asset: the latest version as an input, a new one as an output.

    Args:
        azureml_dataset: Name of the asset.
        dataset: The configuration of the dataset in its folder.
        root_dir: Where a run on a laptop downloads it to.
        filepath_arg: The option of that dataset that takes its path.
        azureml_type: `uri_folder`, or `uri_file` for an input.
        version: Kedro's.
        azureml_version: A version other than the latest.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def __init__(
        self,
        azureml_dataset: str,
        dataset: dict[str, Any],
        root_dir: str = "data",
        filepath_arg: str = "filepath",
        azureml_type: Literal["uri_file", "uri_folder"] = "uri_folder",
        version: Version | None = None,
        azureml_version: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            azureml_dataset, dataset, root_dir, filepath_arg, azureml_type, version, azureml_version, metadata
        )


def copy_files(source: Path, target: Path) -> None:
    """Copy all files below a folder: contents and names alone, each written from its start to its end.

    Args:
        source: The folder.
        target: Another; files of the same name are replaced.
    """
    files = [path for path in source.rglob("*") if path.is_file()]
    for folder in sorted({(target / path.relative_to(source)).parent for path in files}):
        folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_COPIES_AT_ONCE) as pool:
        for _ in pool.map(lambda path: shutil.copyfile(path, target / path.relative_to(source)), files):
            pass
