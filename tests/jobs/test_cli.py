from __future__ import annotations

import json
import signal
import sqlite3
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.conftest import ROOT
from tests.jobs.conftest import MakeSettings, ask, work
from triptych.__main__ import COMMANDS
from triptych.jobs.cli import jobs, stop_on_signals
from triptych.jobs.store import JobRequest, JobStore

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


def test_a_job_that_azure_ml_has_is_no_failure(make_settings: MakeSettings, folder: Path) -> None:
    settings = make_settings("echo sent")
    job, _ = JobStore(settings.folder).add(JobRequest("video", {}, "azure"), 10)
    work(settings)
    assert "triptych azure watch" in call(folder, "log", "--follow", job.id)
    assert job.id in call(folder, "list", "--state", "submitted")


def test_work_ends_when_nothing_waits(folder: Path) -> None:
    call(folder, "work", "--until-idle")


def test_a_damaged_record_hides_no_other(folder: Path) -> None:
    bad, good = (call(folder, "submit", "video").strip() for _ in range(2))
    with sqlite3.connect(folder / "jobs.db") as connection:
        connection.execute("UPDATE jobs SET parameters = '{' WHERE id = ?", [bad])
    assert [job["id"] for job in json.loads(call(folder, "list", "--json"))] == [good, bad]
    assert json.loads(call(folder, "show", bad))["parameters"] == "{"


def test_a_database_that_cannot_be_used_is_named(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    database = folder / "jobs.db"
    database.write_bytes(b"no database at all" * 100)
    assert f"{database} cannot be used: file is not a database: move it away" in call(folder, "list", code=1)
    database.unlink()
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE jobs (id TEXT, what TEXT)")
    assert f"{database} has other tables" in call(folder, "list", code=1)
    database.unlink()
    call(folder, "list")
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 99")
    for words in (("list",), ("submit", "video"), ("work", "--until-idle"), ("cancel", "x")):
        assert "is of a later version of triptych" in call(folder, *words, code=1)
    (tmp_path / "file").write_text("")
    assert f"{tmp_path / 'file' / 'x' / 'jobs.db'} cannot be used" in call(tmp_path / "file" / "x", "list", code=1)


def test_a_queue_that_is_damaged_is_made_anew(folder: Path) -> None:
    name = call(folder, "submit", "video").strip()
    for path in folder.glob("queue.db*"):
        path.unlink()
    (folder / "queue.db").write_bytes(b"no database at all" * 100)
    other = call(folder, "submit", "video").strip()
    assert name in call(folder, "list", "--state", "queued")
    assert other in call(folder, "list", "--state", "queued")
    assert (folder / "queue.db.damaged").exists()


@pytest.mark.timeout(20)
def test_a_signal_that_comes_while_the_event_is_looked_at_is_no_deadlock() -> None:
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        stop_on_signals(stop.set)
        with vars(stop)["_cond"]:  # as within `wait`
            signal.raise_signal(signal.SIGTERM)
        assert stop.wait(10)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
