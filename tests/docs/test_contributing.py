"""CONTRIBUTING.md's map shows every room, and none that is gone."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAP = TEXT.split("```")[1]


def test_every_room_is_on_the_map() -> None:
    source = ROOT / "src" / "triptych"
    rooms = {path.parent.relative_to(source).parts for path in source.rglob("__init__.py")} - {()}
    names = {parts[-1] for parts in rooms if parts[0] != "pipelines" or len(parts) == 1}
    names |= {path.stem for path in source.glob("*.py") if not path.stem.startswith("__")}
    words = set(re.findall(r"\w+", MAP))
    assert names - words == set()


def test_paths_exist() -> None:
    paths = re.findall(r"`((?:tests|conf|docs|src|deploy)/[\w./*-]*)`", TEXT)
    assert paths
    for path in paths:
        assert list(ROOT.glob(path)), path
