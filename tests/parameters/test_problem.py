"""Problems are told in a line each, with what is right."""

from __future__ import annotations

from triptych.parameters import ParametersError, Problem
from triptych.parameters.problem import suggest


def test_suggestions() -> None:
    assert suggest("splt", ["split", "other"]) == ", did you mean 'split'?"
    assert suggest("q", ["b", "a"]) == ", known here: a, b"
    assert suggest("q", []) == ""


def test_the_error_lists_every_problem_on_a_line() -> None:
    error = ParametersError([Problem("a.b", "is bad", "f.yml:3"), Problem("c", "too")])
    assert str(error).splitlines()[1:] == ["  a.b: is bad (f.yml:3)", "  c: too"]
