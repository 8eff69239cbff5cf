"""Keep secrets out of logs: values of the environment that are named like one, and what looks like one in addresses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

__all__ = ["make_redactor"]

_NAMED = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|CONNECTION_STRING|(?:^|_)(?:KEY|SAS)(?:$|_)|API_?KEY|._PWD$", re.I)
_SHORTEST = 6  # what is shorter occurs in any text
_SHAPES = re.compile(
    r"(?P<head>[?&;]sig=|AccountKey=|SharedAccessKey=|SharedAccessSignature=|[Bb]earer\s+|://[^/\s:@]+:)"
    r"(?P<secret>[^\s&;\"'@]+)"
)
_MARK = "***"


def make_redactor(environment: Mapping[str, str]) -> Callable[[str], str]:
    """Make what takes secrets out of a text.

    Args:
        environment: Of the process that writes it.
    """
    named = {value for name, value in environment.items() if _NAMED.search(name) and len(value) >= _SHORTEST}
    secrets = re.compile("|".join(map(re.escape, sorted(named, key=len, reverse=True)))) if named else None

    def redact(text: str) -> str:
        text = secrets.sub(_MARK, text) if secrets else text
        return _SHAPES.sub(lambda match: match["head"] + _MARK, text)

    return redact
