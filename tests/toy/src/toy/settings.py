"""The settings of triptych."""

from triptych.settings import CONFIG_LOADER_ARGS as CONFIG_LOADER_ARGS
from triptych.settings import DISABLE_HOOKS_FOR_PLUGINS as DISABLE_HOOKS_FOR_PLUGINS
from triptych.settings import HOOKS as HOOKS
