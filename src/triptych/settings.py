"""Settings Kedro reads at start: hooks, configuration loader, plugins.

Everything imported here is paid for by every command, so nothing heavy is.
"""

from omegaconf.resolvers import oc

from triptych.hooks import (
    AzureCatalog,
    CommitPassing,
    ModelInUse,
    ParameterCheck,
    PrimaryRankOnly,
    RunReport,
    SearchRestart,
    SearchShape,
    TrialTracking,
)
from triptych.hooks.mlflow_tracking import hooks_of_rank_0
from triptych.startup import prepare

prepare()

HOOKS = (
    ParameterCheck(),
    SearchShape(),
    AzureCatalog(),
    CommitPassing(),
    PrimaryRankOnly(),
    ModelInUse(),
    RunReport(),
    *hooks_of_rank_0(),
    SearchRestart(),
    TrialTracking(),
)

DISABLE_HOOKS_FOR_PLUGINS = (
    "kedro-azureml",  # its hook insists on an azureml.yml in every environment; AzureCatalog calls it
    "kedro-telemetry",  # off by .telemetry already; this spares it the catalog
    "kedro_mlflow",  # MlflowTracking calls it
)

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment's parameters file names only what differs from conf/base.
    "merge_strategy": {"parameters": "soft"},
    "custom_resolvers": {"oc.env": oc.env},
}
