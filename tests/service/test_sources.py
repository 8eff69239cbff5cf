"""What is served is told from what was before."""

from __future__ import annotations

import os
from pathlib import Path

from tests.service.conftest import MakeSettings
from triptych.service.sources import StyleSource


def test_a_style_that_is_put_back_is_another_version(tmp_path: Path, make_settings: MakeSettings) -> None:
    for name, content in (("first.pth", b"a"), ("second.pth", b"b")):
        (tmp_path / name).write_bytes(content)
        os.utime(tmp_path / name, (1_000_000, 1_000_000))
    source = StyleSource(make_settings("video", style_model=tmp_path / "first.pth"))
    seen = [source.find(), source.find()]
    (tmp_path / "second.pth").write_bytes(b"older")
    os.utime(tmp_path / "second.pth", (900_000, 900_000))  # as cp -p and rsync leave it
    seen.append(source.find())
    assert seen[0] == seen[1] != seen[2]
