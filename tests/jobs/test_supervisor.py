from __future__ import annotations

import os
from pathlib import Path

import pytest

from triptych.jobs import supervisor


def test_of_a_log_that_is_too_long_the_end_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_MOST_LOG_BYTES", 1000)
    read, write = os.pipe()
    said = b"".join(b"%d: a state of a bar\r" % number for number in range(2000)) + b"x.SomeError: why\n"
    os.write(write, said)
    os.close(write)
    with os.fdopen(read, "rb") as output:
        supervisor._copy(output, tmp_path, {})
    lines = (tmp_path / supervisor.LOG).read_text().splitlines()
    assert lines[0] == "0: a state of a bar"
    (cut,) = (number for number, line in enumerate(lines) if "is left out" in line)
    assert sum(len(line) + 1 for line in lines[:cut]) <= 1000
    assert len(lines) - cut == 201
    assert lines[-2:] == ["1999: a state of a bar", "x.SomeError: why"]
