"""Settings Kedro reads at start: hooks, configuration loader, plugins.

Everything imported here is paid for by every command, so nothing heavy is.
"""

from omegaconf.resolvers import oc

from triptych.hooks import (
    AzureCatalog,
    MlflowSetup,
    ParameterCheck,
    QuietRanks,
    RunReport,
    SearchRestart,
    TrialTracking,
)
from triptych.hooks.quiet_ranks import plugins_of_rank_0
from triptych.startup import prepare
from triptych.tuning.plan import SearchPlan

prepare()

HOOKS = (ParameterCheck(), AzureCatalog(), QuietRanks(), RunReport(), MlflowSetup(), SearchRestart(), TrialTracking())

DISABLE_HOOKS_FOR_PLUGINS = (
    "kedro-azureml",  # its hook insists on an azureml.yml in every environment; AzureCatalog calls it
    "kedro-telemetry",  # off by .telemetry already; this spares it the catalog
    *plugins_of_rank_0(),
)

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # An environment's parameters file names only what differs from conf/base.
    "merge_strategy": {"parameters": "soft"},
    "custom_resolvers": {"oc.env": oc.env},
}

# The shape of each workload's hyperparameter searches: it shapes the graph. The space is in the parameters.
SEARCH_PLANS = {"faq": SearchPlan(trials=16, rungs=3, eta=4), "shelf": SearchPlan(trials=16, rungs=3, eta=4)}
