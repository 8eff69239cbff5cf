"""Versions of trained models in MLflow's registry, of which one at a time is promoted.

It works against any tracking server, Azure ML's among them, which has neither MLflow 3's logged models nor
aliases: a model is saved to a folder, uploaded as a run's artifacts and registered from there, and the promoted
version is marked by a tag. MLflow is imported only when one of these is used.
"""

from triptych.registry.model_registry import (
    ModelRegistry,
    PromotedModel,
    UnreadableVersionError,
)
from triptych.registry.new_version import Decision, NewVersion
from triptych.registry.registration import register

__all__ = ["Decision", "ModelRegistry", "NewVersion", "PromotedModel", "UnreadableVersionError", "register"]
