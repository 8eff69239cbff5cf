"""Typed parameters: every block is a frozen dataclass, checked before the first node of any run."""

from triptych.parameters.check import build_parameters, check_parameters, parameter_blocks
from triptych.parameters.problem import ParametersError, Problem
from triptych.parameters.sources import runtime_names, with_sources

__all__ = [
    "ParametersError",
    "Problem",
    "build_parameters",
    "check_parameters",
    "parameter_blocks",
    "runtime_names",
    "with_sources",
]
