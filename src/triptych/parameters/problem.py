"""One thing that is wrong with the parameters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One wrong, unknown or missing parameter."""

    key: str
    """Full dotted key, such as `faq.split.test_share`."""
    message: str
    """What is wrong, and what would be right."""
    source: str = ""
    """Where the value comes from: `conf/base/faq/parameters.yml:12`, `--params`, or unknown."""

    def __str__(self) -> str:
        """Return one line: key, message and source."""
        return f"{self.key}: {self.message}" + (f" ({self.source})" if self.source else "")


class ParametersError(ValueError):
    """The parameters of a run are wrong; the message lists every problem, one a line."""

    def __init__(self, problems: list[Problem]) -> None:
        """Keep the problems.

        Args:
            problems: At least one.
        """
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{count} in the parameters, nothing was run:\n{lines}")
