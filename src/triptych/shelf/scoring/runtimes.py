"""What runs the detector on new photos: PyTorch, or OpenVINO on a processor where that is measured to be quicker."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triptych.distributed import world_size
from triptych.openvino_models import has_openvino
from triptych.shelf.data.photo_files import PhotoError
from triptych.shelf.devices import choose_device
from triptych.shelf.evaluation.agreement import Agreement, compare_detections
from triptych.shelf.model.accelerated import accelerate
from triptych.shelf.model.files import LoadedDetector
from triptych.shelf.model.prediction import Photo, predict_prepared, prepare_photo
from triptych.shelf.params import ScoringParams

_logger = logging.getLogger(__name__)
_LEAST_PHOTOS = 100  # of a rank: with fewer, trying takes longer than anything could win
_LEAST_S = 20.0  # PyTorch's time for all photos, below which setting up another runtime is not won back
_REPEATS = 3
LEAST_SCORE = 0.3
"""Weaker detections are not compared: they are many, and believed by nobody."""
SCORE_TOLERANCE = 0.05
"""By which scores may differ from PyTorch's in 32 bits, those of all detections that count."""
BOX_TOLERANCE_PX = 6.0
"""By which edges of boxes may, in pixels of the photo as the detector sees it."""
MASK_TOLERANCE = 0.15
"""How much less than whole the overlap (IoU) of masks may be."""


@dataclass(frozen=True)
class Choice:
    """The runtime that was chosen.

    Attributes:
        runtime: `torch` or `openvino`.
        measured: For each that was tried `ms_per_photo` and `setup_s`, and of OpenVINO's its differences from PyTorch
            in 32 bits; or `left_out`: the reason.
    """

    runtime: str
    measured: dict[str, Any]


def choose_runtime(detector: LoadedDetector, paths: Sequence[Path], scoring: ScoringParams, threads: int) -> Choice:
    """Choose what runs the detector, by trying on some of the photos what there is.

    The one that will be done first wins, setting up included, if what it finds keeps to the tolerances.

    Args:
        detector: The detector, on the device that computes.
        paths: The photos.
        scoring: The wish, and the photos of a step.
        threads: Of this process.
    """
    if scoring.runtime != "auto":
        return Choice(scoring.runtime, {})
    choice = _try_runtimes(detector, paths, scoring, threads)
    _logger.info("Runtime %s: %s", choice.runtime, choice.measured)
    return choice


def _try_runtimes(detector: LoadedDetector, paths: Sequence[Path], scoring: ScoringParams, threads: int) -> Choice:
    if choose_device().type != "cpu":
        return Choice("torch", {"openvino": {"left_out": "a GPU computes"}})
    if not has_openvino():
        return Choice("torch", {"openvino": {"left_out": "not installed"}})
    too_few = Choice("torch", {"openvino": {"left_out": f"{len(paths)} photos are too few to win back setting it up"}})
    if len(paths) < _LEAST_PHOTOS * world_size():
        return too_few
    photos = _read_some(detector, paths, scoring)
    if not photos:
        return Choice("torch", {"openvino": {"left_out": "no photo to try it on"}})
    count = len(paths) / world_size()
    measured: dict[str, Any] = {"torch": {"ms_per_photo": _time(detector, photos, scoring), "setup_s": 0.0}}
    if count * measured["torch"]["ms_per_photo"] < 1000 * _LEAST_S:
        return Choice("torch", measured | too_few.measured)
    measured["openvino"] = _try_openvino(detector, photos, scoring, threads)
    fitting = {name: found for name, found in measured.items() if "left_out" not in found}
    return Choice(min(fitting, key=lambda name: _total_ms(fitting[name], count)), measured)


def _total_ms(found: dict[str, float], count: float) -> float:
    return 1000 * found["setup_s"] + count * found["ms_per_photo"]


def _read_some(detector: LoadedDetector, paths: Sequence[Path], scoring: ScoringParams) -> list[Photo]:
    """Read photos for a step, from among the first; results are those of photos as the detector sees them."""
    photos: list[Photo] = []
    for path in paths[: 4 * scoring.batch_size]:
        try:
            photo = prepare_photo(path, 0, detector.params, scoring.max_pixels)
        except PhotoError:  # its own turn will tell
            continue
        photos.append(photo._replace(whole=photo.size))
        if len(photos) == scoring.batch_size:
            break
    return photos


def _time(detector: LoadedDetector, photos: list[Photo], scoring: ScoringParams) -> float:
    """Give the milliseconds a photo takes, the best of some tries after one to warm up."""
    times = []
    for _ in range(1 + _REPEATS):
        start = time.perf_counter()
        list(predict_prepared(detector, photos, scoring.batch_size, "auto"))
        times.append(1000 * (time.perf_counter() - start) / len(photos))
    return round(min(times[1:]), 2)


def _try_openvino(
    detector: LoadedDetector, photos: list[Photo], scoring: ScoringParams, threads: int
) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        quick = accelerate(detector, threads)
        setup_s = round(time.perf_counter() - start, 2)
        found = {"ms_per_photo": _time(quick, photos, scoring), "setup_s": setup_s}
        agreement = compare_runtimes(detector, quick, photos, scoring.batch_size)
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # what a runtime raises that cannot run here is its own
        return {"left_out": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"}
    found |= agreement.describe()
    return found | ({} if keeps_to_tolerance(agreement) else {"left_out": "it differs too much from PyTorch"})


def compare_runtimes(
    detector: LoadedDetector, quick: LoadedDetector, photos: list[Photo], batch_size: int
) -> Agreement:
    """Compare what another runtime finds with what PyTorch finds in 32 bits."""
    ours, theirs = (list(predict_prepared(each, photos, batch_size, "fp32")) for each in (quick, detector))
    return compare_detections(ours, theirs, LEAST_SCORE, SCORE_TOLERANCE)


def keeps_to_tolerance(agreement: Agreement) -> bool:
    """Tell whether differences are as small as they may be."""
    near = agreement.score <= SCORE_TOLERANCE and agreement.box_px <= BOX_TOLERANCE_PX
    return near and agreement.mask <= MASK_TOLERANCE and agreement.unmatched == 0


def use_runtime(detector: LoadedDetector, runtime: str, threads: int) -> LoadedDetector:
    """Give the detector as the runtime runs it; as PyTorch does where that one cannot, which the log says.

    Args:
        detector: On the device that computes.
        runtime: `torch` or `openvino`.
        threads: Of this process.
    """
    if runtime == "torch":
        return detector
    try:
        return accelerate(detector, threads)
    except Exception as error:  # whatever a runtime raises that cannot run here
        _logger.warning("OpenVINO cannot run the detector here, so PyTorch does: %s: %s", type(error).__name__, error)
        return detector
