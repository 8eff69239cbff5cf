"""The node that exports the detector."""

from pathlib import Path
from typing import Any

import pandas as pd

from triptych.registry import ModelRegistry
from triptych.shelf.params import ExportParams, RegistrationParams
from triptych.storage.folder import Folder


def export_detector(
    photos: Path,
    annotations: dict[str, Any],
    roles: pd.DataFrame,
    model: Path,
    model_registry: ModelRegistry,
    registration: RegistrationParams,
    export: ExportParams,
) -> tuple[Folder, dict[str, Any]]:
    """Write the detector as ONNX and OpenVINO, and check the files on the test photos.

    Args:
        photos: The ingested photos.
        annotations: Their annotations.
        roles: Their roles.
        model: The trained detector.
        model_registry: Has the promoted one.
        registration: Its name there.
        export: Which detector, which formats, and how far results may be apart.

    Returns:
        The files with a description, and the differences that were measured.
    """
    import tempfile

    from triptych.shelf.exporting.exporting import export_detector as export_files
    from triptych.shelf.exporting.promoted import fetch_promoted

    if export.source == "trained":
        return export_files(photos, annotations, roles, model, export)
    with tempfile.TemporaryDirectory(prefix="triptych-promoted-") as part:
        promoted = fetch_promoted(model_registry, registration.name, Path(part))
        return export_files(photos, annotations, roles, promoted, export)
