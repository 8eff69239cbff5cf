from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.conftest import ROOT
from tests.jobs.conftest import MakeSettings, ask, work
from triptych.__main__ import COMMANDS
from triptych.jobs.cli import jobs
from triptych.jobs.store import JobStore

pytestmark = pytest.mark.usefixtures("project")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


def call(folder: Path, *words: str, code: int = 0) -> str:
    result = CliRunner().invoke(jobs, [*words, "--folder", str(folder), "--project", str(ROOT)])
    assert result.exit_code == code, result.output
    return result.output


def test_the_commands_that_are_listed_are_there() -> None:
    assert COMMANDS["jobs"] == f"{jobs.callback.__module__}:jobs"


def test_a_job_is_asked_for_as_kedro_run_would_be(folder: Path) -> None:
    params = "video.style.strength=0.5,video_retry=a*"
    name = call(folder, "submit", "video", "--params", params, "--key", "k").strip()
    as_json = json.dumps({"video": {"style": {"strength": 0.5}}, "video_retry": "a*"})
    assert call(folder, "submit", "video", "--params", as_json, "--key", "k").strip() == name
    job = JobStore(folder).find(name)
    assert job is not None
    assert job.request().parameters == json.loads(as_json)
    assert "belongs to job" in call(folder, "submit", "video", "--key", "k", code=1)
    assert name in call(folder, "list", "--state", "queued")
    assert json.loads(call(folder, "list", "--json"))[0]["parameters"] == json.loads(as_json)
    assert call(folder, "cancel", name) == f"{name}: cancelled\n"
    assert json.loads(call(folder, "show", name))["state"] == "cancelled"


def test_what_is_wrong_is_said_and_shows_in_the_exit_code(folder: Path) -> None:
    assert "there is no 'vidoe'" in call(folder, "submit", "vidoe", code=1)
    assert "video_raw: '/etc' lies in none" in call(folder, "submit", "video", "--params", "video_raw=/etc", code=1)
    assert "--params is no JSON" in call(folder, "submit", "video", "--params", "{x", code=1)
    assert "there is no job none" in call(folder, "show", "none", code=1)
    assert "there is no job none" in call(folder, "cancel", "none", code=1)


def test_the_log_is_followed_to_the_end(make_settings: MakeSettings, folder: Path) -> None:
    settings = make_settings("echo first; echo last; exit 3")
    (job,) = ask(settings)
    work(settings)
    assert call(folder, "log", job.id) == "first\nlast\n"
    output = call(folder, "log", "--follow", job.id, code=1)
    assert output == f"first\nlast\nError: {job.id} is failed: exit code 3: last\n"


def test_work_ends_when_nothing_waits(folder: Path) -> None:
    call(folder, "work", "--until-idle")
