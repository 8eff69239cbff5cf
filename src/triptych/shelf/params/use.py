"""How the detector is judged and registered, how it looks at new photos, and how it is exported."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from triptych.parameters.base import ModelName, OpenShare, Params, Share
from triptych.shelf.params.data import PillowPixels


class EvaluationParams(Params):
    """How the detector is judged and shown."""

    batch_size: PositiveInt = 4
    """Photos a step."""
    iou_threshold: OpenShare = 0.5
    """Least overlap (IoU) of a detection with an object for it to count as found, in F1, counts and overlays."""
    overlays: PositiveInt = 12
    """Photos in the report, those with most mistakes first."""
    bootstrap_samples: PositiveInt = 1000
    """Resamples of the test photos for the 95 % interval of the advantage over the promoted version."""
    seed: NonNegativeInt = 0
    """Seed of the resampling."""


class RegistrationParams(Params):
    """How the detector becomes a version in the model registry, and when that version is promoted."""

    name: ModelName = "shelf-detector"
    """Name in the registry: letters, digits, `-`, `_`, `.`."""
    metric: Literal["box.map", "box.map_50", "box.map_75"] = "box.map"
    """Compared with the promoted version's, over all test photos."""
    min_advantage: Annotated[float, Field(ge=-1, le=1)] = 0.0
    """Promote if the whole 95 % interval of the advantage is above this; below 0 lets equally good ones pass."""


class ScoringParams(Params):
    """How new photos are scored."""

    batch_size: PositiveInt = 4
    """Photos a step."""
    runtime: Literal["auto", "torch", "openvino"] = "auto"
    """What runs the detector; `auto`: on a processor OpenVINO, where for so many photos it is measured to be quicker
    and to find the same."""
    num_nodes: PositiveInt = 1
    """Nodes (on Azure ML) that share the photos."""
    processes_per_node: PositiveInt = 1
    """Processes on each of them: as many as it has GPUs."""
    score_threshold: Share = 0.0
    """Detections with a lower score are left out; 0: the model's own threshold, chosen by F1 on validation photos."""
    overlays: bool = True
    """Draw a picture for each photo."""
    max_pixels: PillowPixels = 100_000_000
    """Reject photos with more pixels. Pillow opens at most 178,956,970."""
    log_requests: bool = False
    """Log measures of the photos and of what was found, for `shelf_drift`; the photos are read once more for it."""


class ExportParams(Params):
    """What is exported for use without this project, and how far it may be from the detector."""

    source: Literal["trained", "promoted"] = "trained"
    """The detector that the last run of shelf has trained, or the promoted one of the registry."""
    formats: Annotated[tuple[Literal["onnx", "openvino"], ...], Field(min_length=1)] = ("onnx", "openvino")
    """Formats of the files."""
    photos: PositiveInt = 50
    """Test photos to check them on, at most."""
    least_score: OpenShare = 0.3
    """Detections with a lower score are not compared."""
    score_tolerance: OpenShare = 0.01
    """By which scores may differ."""
    box_tolerance_px: PositiveFloat = 1.0
    """By which edges of boxes may differ, in pixels of the photo as the detector sees it."""
    mask_tolerance: OpenShare = 0.05
    """How much less than whole the overlap (IoU) of masks may be."""
