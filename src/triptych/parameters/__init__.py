"""Parameters: every block is a frozen pydantic model, checked before the first node of any run."""

from triptych.parameters.base import Params
from triptych.parameters.check import CheckedParameters, build_parameters, parameter_blocks
from triptych.parameters.problem import ParametersError, Problem
from triptych.parameters.sources import (
    explicit_keys,
    find_clashes,
    find_unusable_places,
    locate_values,
    runtime_names,
    with_sources,
)

__all__ = [
    "CheckedParameters",
    "ParametersError",
    "Params",
    "Problem",
    "build_parameters",
    "explicit_keys",
    "find_clashes",
    "find_unusable_places",
    "locate_values",
    "parameter_blocks",
    "runtime_names",
    "with_sources",
]
