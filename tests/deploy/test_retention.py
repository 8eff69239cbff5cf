"""What storage deletes by itself can be made again; nothing that a later run relies on is among it."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.conftest import ROOT
from tests.deploy.conftest import DEPLOY

# Datasets of work_root that may go: a run without them does more, and comes to the same.
MADE_AGAIN = {"shelf.checkpoints", "shelf.scored", "video.segments"}


def prefixes() -> list[str]:
    text = (DEPLOY / "infra/modules/retention.bicep").read_text(encoding="utf-8")
    block = re.search(r"prefixMatch: \[(.*?)\]", text, re.DOTALL)
    assert block
    return re.findall(r"'([^']+)'", block[1])


def work_places() -> dict[str, str]:
    """Give the place in storage of each dataset that lies under work_root, by container."""
    root: str = yaml.safe_load((ROOT / "conf/azure/globals.yml").read_text(encoding="utf-8"))["work_root"]
    container, folder = re.fullmatch(r"abfs://(\w+)@[^/]+/(.*)", root).groups()  # type: ignore[union-attr]
    places = {}
    for path in (ROOT / "conf/base").glob("*/catalog.yml"):
        content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, entry in content.items():
            where = resolve(str((entry if isinstance(entry, dict) else {"filepath": entry}).get("filepath")), content)
            if where.startswith("${_work}/"):
                places[name] = f"{container}/{folder}/{where.removeprefix('${_work}/')}"
    return places


def resolve(text: str, content: dict[str, Any]) -> str:
    name = re.fullmatch(r"\$\{(_\w+)\}", text)
    return str(content[name[1]]) if name else text


def test_state_is_never_deleted() -> None:
    places = work_places()
    assert {"video.records", "faq.{search}_best", "shelf.{search}_best", "_confirmed"} <= set(places)
    for name in set(places) - MADE_AGAIN:
        assert not [prefix for prefix in prefixes() if places[name].startswith(prefix)], name
        assert not [prefix for prefix in prefixes() if prefix.startswith(f"{places[name]}/")], name


def test_what_can_be_made_again_is_deleted() -> None:
    places = work_places()
    expected = {f"{places[name]}/" for name in MADE_AGAIN}
    assert {prefix for prefix in prefixes() if prefix.startswith("work/")} == expected
