"""Which model looks at what lands: the promoted version, fetched once."""

from __future__ import annotations

import hashlib
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from triptych.commands.promoted import asking_registry, read_registry
from triptych.storage.local_files import replace_folder

__all__ = ["ModelSource", "PromotedModels"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelSource:
    """Where a pipeline's model comes from.

    Attributes:
        workload: Whose model it is.
        inside: Where the model's own files are in what MLflow saves.
        parameter: Says where the pipeline finds it.
    """

    workload: str
    inside: str
    parameter: str


class PromotedModels:
    """The promoted versions of a project's models, as folders.

    Args:
        project: The project.
        folder: Where they are kept, each in a folder that is called as the version.
    """

    def __init__(self, project: Path, folder: Path) -> None:
        self._project, self._folder = project, folder

    def find(self, source: ModelSource) -> Path | None:
        """Give the folder of the promoted version as it is now; None if none is promoted.

        Raises:
            InputError: If the registry cannot be read.
        """
        address, name = read_registry(self._project, source.workload)
        with asking_registry(address) as registry:
            if registry is None or (promoted := registry.find_promoted(name)) is None:
                return None
            # A registry that was made anew counts from 1 again.
            mark = hashlib.sha256(f"{address} {registry.read_source(promoted)}".encode()).hexdigest()[:8]
            target = self._folder / f"{name}-version-{promoted.version}-{mark}"
            if not target.is_dir():
                _logger.info("%s, version %d, is fetched from %s", name, promoted.version, source.workload)
                with replace_folder(target) as part, TemporaryDirectory(prefix="triptych-model-") as scratch:
                    shutil.copytree(promoted.download(source.inside, Path(scratch)), part, dirs_exist_ok=True)
        return target
