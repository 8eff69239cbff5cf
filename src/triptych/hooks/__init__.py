"""Kedro hooks: parameters checked before the first node, a report and the way on after the last."""

from triptych.hooks.azure_catalog import AzureCatalog
from triptych.hooks.commit_passing import CommitPassing
from triptych.hooks.mlflow_tracking import MlflowTracking
from triptych.hooks.model_in_use import ModelInUse
from triptych.hooks.parameter_check import ParameterCheck
from triptych.hooks.primary_rank import PrimaryRankOnly
from triptych.hooks.run_report import RunReport
from triptych.hooks.search_restart import SearchRestart
from triptych.hooks.search_shape import SearchShape
from triptych.hooks.trial_tracking import TrialTracking

__all__ = [
    "AzureCatalog",
    "CommitPassing",
    "MlflowTracking",
    "ModelInUse",
    "ParameterCheck",
    "PrimaryRankOnly",
    "RunReport",
    "SearchRestart",
    "SearchShape",
    "TrialTracking",
]
