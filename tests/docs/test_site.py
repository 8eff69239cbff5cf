"""The site lists every page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def pages(entries: Any) -> Iterator[str]:
    if isinstance(entries, str):
        yield entries
    else:
        for entry in entries if isinstance(entries, list) else entries.values():
            yield from pages(entry)


def test_every_page_is_in_the_navigation_and_every_entry_is_a_page() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert set(pages(config["nav"])) == written


def test_troubleshooting_says_symptom_cause_fix() -> None:
    text = (ROOT / "docs/how-to/troubleshooting.md").read_text(encoding="utf-8")
    entries = text.split("\n## ")[1:]
    assert entries
    for entry in entries:
        assert all(f"**{word}**" in entry for word in ("Symptom", "Cause", "Fix")), entry.splitlines()[0]
