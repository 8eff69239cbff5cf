"""What makes a saved model stand on its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from triptych.serving import source_copy
from triptych.serving.source_copy import copy_source, pin


def test_the_source_is_copied_and_no_file_is_empty(tmp_path: Path) -> None:
    package = Path(source_copy.__file__).parents[1]
    copied = copy_source(tmp_path / "source")
    names = {path.relative_to(package) for path in package.rglob("*.py")}
    assert {path.relative_to(copied) for path in copied.rglob("*") if path.is_file()} == names
    assert (copied / "serving/source_copy.py").read_bytes() == Path(source_copy.__file__).read_bytes()
    assert all(path.stat().st_size for path in copied.rglob("*.py"))


def test_pins_leave_out_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_copy, "version", {"torch": "2.9.0+cpu", "numpy": "2.1.0"}.__getitem__)
    assert pin(["torch", "numpy"]) == ["torch==2.9.0", "numpy==2.1.0"]
