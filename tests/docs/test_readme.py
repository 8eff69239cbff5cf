"""The README's two commands, and that CI runs the second of them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def set_up_commands() -> list[str]:
    section = re.search(r"^## Set up\n(.*?)^## ", README, flags=re.MULTILINE | re.DOTALL)
    assert section
    return re.findall(r"^```bash\n(.*?)\n```$", section[1], flags=re.MULTILINE | re.DOTALL)


def test_there_are_exactly_two_commands_of_one_line() -> None:
    run, test = set_up_commands()
    assert "\n" not in run + test
    assert run.endswith(".venv/bin/kedro run")
    assert test.endswith(".venv/bin/python -m pytest -n 2")


def test_the_tutorial_gives_the_same_first_command() -> None:
    tutorial = (ROOT / "docs/tutorials/first-run.md").read_text(encoding="utf-8")
    assert f"```bash\n{set_up_commands()[0]}\n```" in tutorial


def test_both_start_from_a_fresh_clone_and_can_be_repeated() -> None:
    run, test = set_up_commands()
    assert run.rpartition(" && ")[0] == test.rpartition(" && ")[0]
    assert run.startswith("python3.11 -m venv .venv && ")
    assert "-r requirements.lock" in run
    assert (ROOT / "requirements.lock").exists()


def test_ci_takes_the_second_command_from_here() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert os.access(ROOT / ".ci/run", os.X_OK)
    command = subprocess.run([".ci/run", "--print-test-command"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert command.stdout.strip() == set_up_commands()[1]
    assert "pytest" not in script.replace("--print-test-command", "")


def test_it_is_short_and_names_no_registry() -> None:
    assert len(README.splitlines()) < 150
    assert not re.search(r"pypi\.|pythonhosted|anaconda\.|docker\.io|ghcr\.io", README)


def links(text: str) -> list[str]:
    return [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]


PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "conf/README.md", ROOT / "data/README.md"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    for link in links(page.read_text(encoding="utf-8")):
        if link:
            assert (page.parent / link).exists(), link
