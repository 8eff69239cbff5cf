"""Parameters of the shelf workload: one model a block of `parameters.yml`."""

from triptych.shelf.params.data import AnnotationFormat, CheckParams, IngestParams, PillowPixels, SplitParams
from triptych.shelf.params.detector import LEVELS, NAMED_WEIGHTS, DetectorParams
from triptych.shelf.params.training import AugmentationParams, DetectorSearchParams, TrainingParams
from triptych.shelf.params.use import EvaluationParams, ExportParams, RegistrationParams, ScoringParams

__all__ = [
    "LEVELS",
    "NAMED_WEIGHTS",
    "AnnotationFormat",
    "AugmentationParams",
    "CheckParams",
    "DetectorParams",
    "DetectorSearchParams",
    "EvaluationParams",
    "ExportParams",
    "IngestParams",
    "PillowPixels",
    "RegistrationParams",
    "ScoringParams",
    "SplitParams",
    "TrainingParams",
]
