"""docs/how-to/check-on-azure.md names tests that there are."""

from __future__ import annotations

import re

from tests.conftest import ROOT


def test_every_test_of_the_table_is_there() -> None:
    text = (ROOT / "docs/how-to/check-on-azure.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", text)
    assert len(named) > 30
    for file, name in named:
        assert f"\ndef {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), f"{file}::{name}"
