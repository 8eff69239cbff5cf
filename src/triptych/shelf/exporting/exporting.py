"""Export a detector, and check on the test photos that the files find what the detector does."""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from triptych import __version__
from triptych.openvino_models import has_openvino, import_openvino, kept_signal_stack
from triptych.shelf.data.dataset import select_role
from triptych.shelf.evaluation.agreement import compare_detections
from triptych.shelf.exporting.graph import INPUT, OUTPUTS, write_onnx, write_openvino
from triptych.shelf.model.files import LoadedDetector, load_model
from triptych.shelf.model.prediction import Photo, describe_detections, predict_prepared, prepare_ingested
from triptych.shelf.params import ExportParams
from triptych.storage.folder import Folder

_logger = logging.getLogger(__name__)
_FILES = {"onnx": "detector.onnx", "openvino": "detector.xml"}
_DESCRIPTION = "detector.json"
Run = Callable[[NDArray[np.uint8]], list[NDArray[Any]]]


class ExportError(RuntimeError):
    """An exported file does not find what the detector does."""


def export_detector(
    photos: Path, annotations: dict[str, Any], roles: pd.DataFrame, model: Path, export: ExportParams
) -> tuple[Folder, dict[str, Any]]:
    """Write a detector as files that run without PyTorch, and check them on test photos.

    Args:
        photos: The ingested photos.
        annotations: Their annotations.
        roles: Their roles.
        model: The detector's folder.
        export: Which formats, how many photos to check on, and how far results may be apart.

    Returns:
        A folder with `detector.onnx`, `detector.xml` and `.bin` (OpenVINO), and `detector.json`: how photos are scaled,
        what the numbers mean, and from which score on to believe; and the differences by format.

    Raises:
        ExportError: If a file finds something else.
        ImportError: If what writes or checks a format is not installed.
        ValueError: If there is no test photo to check on.
    """
    for name in export.formats:
        _require(name)
    detector = _look_once(load_model(model))
    images = select_role(annotations, roles, "test")["images"][: export.photos]
    if not images:
        raise ValueError("there are no test photos to check the exported files on")
    prepared = [_prepare(photos, image, detector) for image in images]
    folder = Folder.create("exported")
    write_onnx(detector, folder.path / _FILES["onnx"])
    if "openvino" in export.formats:
        write_openvino(folder.path / _FILES["onnx"], folder.path / _FILES["openvino"])
    expected = list(predict_prepared(detector, prepared, 1, "fp32"))
    report: dict[str, Any] = {
        name: _check(folder.path, name, detector, prepared, expected, export) for name in export.formats
    }
    if "onnx" not in export.formats:
        (folder.path / _FILES["onnx"]).unlink()
    description = _describe(detector, report)
    (folder.path / _DESCRIPTION).write_text(json.dumps(description, indent=2), encoding="utf-8")
    _logger.info("Exported, and checked on %d test photos: %s", len(prepared), report)
    return folder, {"photos": len(prepared), "formats": report}


def _look_once(detector: LoadedDetector) -> LoadedDetector:
    """Give a detector that does not look at photos mirrored too, which a graph does not."""
    if not detector.params.flip_test:
        return detector
    _logger.warning(
        "The detector was judged with flip_test, and the exported files look at a photo once: its score_threshold of "
        "%.2f is of means of both, so choose another for them",
        detector.score_threshold,
    )
    return replace(detector, params=detector.params.replace(flip_test=False))


def _require(form: str) -> None:
    """Refuse a format that nothing installed can write or check."""
    able = has_openvino() or (form == "onnx" and _has_onnxruntime())
    if not able or importlib.util.find_spec("onnx") is None:
        raise ImportError(f"export.formats has {form}, and what writes or checks it is missing: pip install .[export]")


def _has_onnxruntime() -> bool:
    return importlib.util.find_spec("onnxruntime") is not None


def _prepare(photos: Path, image: dict[str, Any], detector: LoadedDetector) -> Photo:
    """Read a photo; results are those of the photo as the detector sees it, so that differences are in its pixels."""
    photo = prepare_ingested(photos, image, detector.params)
    return photo._replace(whole=photo.size)


def _check(
    folder: Path,
    form: str,
    detector: LoadedDetector,
    photos: Iterable[Photo],
    expected: list[list[dict[str, Any]]],
    export: ExportParams,
) -> dict[str, Any]:
    name, run = open_exported(folder / _FILES[form])
    names = OUTPUTS if detector.masks else OUTPUTS[:3]
    found = []
    for photo in photos:
        outputs = {key: torch.from_numpy(value) for key, value in zip(names, run(photo.image), strict=True)}
        if "masks" in outputs:
            outputs["masks"] = outputs["masks"][:, None]
        found.append(describe_detections((photo, outputs)))
    agreement = compare_detections(found, expected, export.least_score, export.score_tolerance)
    wrong = {
        "detections without a counterpart": agreement.unmatched > 0,
        "scores": agreement.score > export.score_tolerance,
        "boxes": agreement.box_px > export.box_tolerance_px,
        "masks": agreement.mask > export.mask_tolerance,
    }
    if any(wrong.values()):
        parts = ", ".join(part for part, is_wrong in wrong.items() if is_wrong)
        raise ExportError(f"{_FILES[form]}, run by {name}, differs from the detector ({parts}): {agreement.describe()}")
    return {"checked_by": name, **agreement.describe()}


def open_exported(path: Path) -> tuple[str, Run]:
    """Open an exported file; say what runs it, and give what does: from a scaled photo to the graph's outputs."""
    if path.suffix == ".onnx" and _has_onnxruntime():
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return f"onnxruntime {version('onnxruntime')}", lambda image: list(session.run(None, {INPUT: image}))
    with kept_signal_stack():
        # In bfloat16, which OpenVINO takes where it can, coordinates would be off by a pixel.
        compiled = import_openvino().Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()

    def run(image: NDArray[np.uint8]) -> list[NDArray[Any]]:
        found = request.infer({INPUT: image})
        return [np.array(found[number]) for number in range(len(compiled.outputs))]

    return f"openvino {version('openvino')}", run


def _describe(detector: LoadedDetector, report: dict[str, Any]) -> dict[str, Any]:
    params = detector.params
    return {
        "input": "image: uint8, height x width x 3, RGB, scaled by min(min_size_px / the shorter side, max_size_px / "
        "the longer side), sides rounded down",
        "min_size_px": params.min_size_px,
        "max_size_px": params.max_size_px,
        "outputs": list(OUTPUTS if detector.masks else OUTPUTS[:3]),
        "categories": list(detector.categories),
        "score_threshold": detector.score_threshold,
        "masks": detector.masks,
        "checked": report,
        "versions": {"triptych": __version__} | {name: version(name) for name in ("torch", "torchvision")},
    }
