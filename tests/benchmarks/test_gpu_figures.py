"""What was measured, what failed and what was skipped is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import gpu_figures
from benchmarks.gpu_figures import Run, main, read_report

GOOD = "import json, sys; json.dump({'x': {'y': 2.5}}, open(sys.argv[-1], 'w'))"
CASES = """<testsuites><testsuite><testcase name="a"/><testcase name="b"><skipped message="no GPU"/></testcase>
<testcase name="c"><failure/></testcase><testcase name="d"><error/></testcase></testsuite></testsuites>"""


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text("raise SystemExit('broken')")
    monkeypatch.setattr(gpu_figures, "HERE", tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu_figures.py", "--out", str(tmp_path / "out"), "--quick", "--no-tests"])
    return tmp_path


def test_figures_failures_and_what_was_skipped_are_told(scripts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = Run("fine", "cpu", "good.py", "--rounds 1", {"images/s": "x.y"})
    others = [
        Run("broken", "cpu", "bad.py", "", {}),
        Run("on it", "gpu", "good.py", "", {}),
        Run("long", "cpu", "good.py", "", {}, slow=True),
        Run("built", "cpu", "good.py", "", {}, program="nonesuch"),
    ]
    monkeypatch.setattr(gpu_figures, "RUNS", (good, *others))
    assert main() == 1
    found = json.loads((scripts / "out" / "figures.json").read_text())
    assert found["benchmarks"][0]["figures"] == {"images/s": 2.5}
    assert found["benchmarks"][0]["command"] == "good.py --rounds 1"
    report = (scripts / "out" / "figures.md").read_text()
    assert "| fine | cpu | images/s | 2.5 |" in report
    assert "| broken | cpu |  | failed |" in report
    reasons = [
        "all tests: --no-tests",
        "on it (gpu): no GPU",
        "long (cpu): --quick",
        "built (cpu): no nonesuch on the PATH",
    ]
    assert [line.removeprefix("- ") for line in report.splitlines() if line.startswith("- ")] == reasons
    monkeypatch.setattr(gpu_figures, "RUNS", (good,))
    assert main() == 0


def test_tests_are_counted(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(CASES)
    assert read_report(tmp_path / "report.xml") == {"passed": 1, "failed": 2, "skipped": {"no GPU": 1}}
