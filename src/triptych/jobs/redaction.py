"""Keep secrets out of logs: values of the environment that are named like one, and what looks like one in addresses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote

__all__ = ["make_redactor"]

_NAMED = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|CONNECTION_STRING|(?:^|_)(?:KEY|SAS)(?:$|_)|API_?KEY|._PWD$", re.I)
_SHORTEST = 6  # what is shorter occurs in any text
_SHAPES = (
    re.compile(
        r"(?P<head>[?&;]sig=|AccountKey=|SharedAccessKey=|SharedAccessSignature=|[Bb]earer\s+|[Aa]uthorization:\s*Basic\s+)"
        r"[^\s&;\"'@]+"
    ),
    re.compile(r"(?P<head>://[^/\s:@]*:)[^/\s@]+(?=@)"),  # a password in an address; without @ it would be a port
)
_MARK = "***"


def make_redactor(environment: Mapping[str, str]) -> Callable[[str], str]:
    """Make what takes secrets out of a text.

    Args:
        environment: Of the process that writes it.
    """
    named = {form for name, value in environment.items() if _NAMED.search(name) for form in _forms(value)}
    secrets = re.compile("|".join(map(re.escape, sorted(named, key=len, reverse=True)))) if named else None

    def redact(text: str) -> str:
        text = secrets.sub(_MARK, text) if secrets else text
        for shape in _SHAPES:
            text = shape.sub(lambda match: match["head"] + _MARK, text)
        return text

    return redact


def _forms(value: str) -> Iterator[str]:
    """Give what a secret may look like in a line of a log: each of its own lines, in an address, in JSON."""
    for line in map(str.strip, value.splitlines()):
        if len(line) >= _SHORTEST:
            yield from (line, quote(line, safe=""), json.dumps(line, ensure_ascii=False)[1:-1])
