"""Each job runs once, whatever is killed and whenever."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from tests.jobs.conftest import MakeSettings, ask, lines_of, look, read_lines, wait_until, work
from triptych.jobs.attempts import Attempt
from triptych.jobs.consumer import Consumer
from triptych.jobs.queueing import JobQueue
from triptych.jobs.settings import JobSettings
from triptych.jobs.store import JobRequest, JobStore

LEDGER = "echo begin {id} >> ledger; sleep 0.1; echo end {id} >> ledger"
WORK = """
import sys
from triptych.jobs.consumer import Consumer
from triptych.jobs.settings import JobSettings
from pathlib import Path
import json
values = json.loads(sys.argv[1])
values["command"] = tuple(values["command"])
Consumer(JobSettings(**values)).work(until_idle=True)
"""


def start_worker(settings: JobSettings) -> subprocess.Popen[bytes]:
    """Start a consumer in a process of its own."""
    given = settings.model_dump_json(exclude={"token"})
    return subprocess.Popen([sys.executable, "-c", WORK, given])


def test_jobs_run_in_order_and_end_as_their_processes_do(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("echo {id} >> ledger; ls /none/{id}")
    jobs = ask(settings, 3)
    work(settings)
    assert read_lines(tmp_path / "ledger") == [job.id for job in jobs]
    ended = look(settings, jobs[0])
    assert ended.state == "failed"
    assert ended.exit_code == 2
    assert ended.reason.startswith("exit code 2: ls: ")
    assert ended.attempts == 1


def test_the_reason_is_the_error_and_not_what_is_said_after_it(make_settings: MakeSettings) -> None:
    settings = make_settings(
        "printf 'x.FirstError: no\\nkedro.io.BarError: the cause\\nGo on from there with:\\n'; exit 1"
    )
    (job,) = ask(settings)
    work(settings)
    assert look(settings, job).reason == "exit code 1: kedro.io.BarError: the cause"


def test_what_was_given_comes_through_word_by_word(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings(command=("/bin/cp", "{parameters}", str(tmp_path / "seen.json")))
    store = JobStore(settings.folder)
    job, _ = store.add(JobRequest("video", {"video_retry": "a b'; touch x; #"}, "local"), 10)
    JobQueue(settings.folder).put(job.id)
    work(settings)
    assert look(settings, job).state == "completed"
    results = settings.folder / job.id / "results"
    assert (tmp_path / "seen.json").read_text() == (
        f'{{"run": {{"params": {{"results_root": "{results}", "video_retry": "a b\'; touch x; #"}}}}}}'
    )


def test_a_malformed_job_and_a_malformed_message_stop_no_other(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings(LEDGER)
    bad, torn, good = ask(settings, 3)
    with sqlite3.connect(settings.folder / "jobs.db") as connection:
        connection.execute("UPDATE jobs SET parameters = '{' WHERE id = ?", [bad.id])
        connection.execute("UPDATE jobs SET parameters = '[1]' WHERE id = ?", [torn.id])
    with sqlite3.connect(settings.folder / "queue.db") as connection:
        rows = connection.execute("SELECT queue FROM task").fetchone()
        for data in (b"", b"\x80\x04.", b"[1]", b"{}", b'["a", "none.such"]'):
            connection.execute("INSERT INTO task (queue, data, priority) VALUES (?, ?, 9)", [rows[0], data])
    work(settings)
    assert look(settings, bad).state == look(settings, torn).state == "failed"
    assert look(settings, bad).reason.startswith("it could not be started: ")
    assert look(settings, good).state == "completed"


def test_a_job_that_never_reached_the_queue_runs_all_the_same(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings(LEDGER)
    job, _ = JobStore(settings.folder).add(JobRequest("video", {}, "local"), 10)  # and then the power went
    work(settings)
    assert look(settings, job).state == "completed"


def test_an_id_that_comes_twice_runs_once(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings(LEDGER)
    (job,) = ask(settings)
    for _ in range(3):
        JobQueue(settings.folder).put(job.id)
    work(settings)
    assert read_lines(tmp_path / "ledger") == [f"begin {job.id}", f"end {job.id}"]


def test_a_command_that_is_not_there_is_named(make_settings: MakeSettings) -> None:
    settings = make_settings(command=("/no/such/program", "x"))
    (job,) = ask(settings)
    work(settings)
    assert look(settings, job).state == "failed"
    assert "/no/such/program cannot be started" in look(settings, job).reason


def test_ten_jobs_run_once_each_although_the_consumer_is_killed_twice(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings(LEDGER)
    jobs = ask(settings, 10)
    ledger = tmp_path / "ledger"
    for seen in (2, 6):
        worker = start_worker(settings)
        wait_until(partial(has_begun, ledger, seen))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    work(settings)
    names = sorted(job.id for job in jobs)
    assert lines_of(read_lines(ledger), "begin") == lines_of(read_lines(ledger), "end") == names
    assert {look(settings, job).state for job in jobs} == {"completed"}
    assert {look(settings, job).attempts for job in jobs} == {1}


def has_begun(ledger: Path, count: int) -> bool:
    return len(lines_of(read_lines(ledger), "begin")) >= count


def test_a_run_that_ended_while_nobody_looked_is_not_run_again(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("echo begin {id} >> ledger; sleep 0.3; echo end {id} >> ledger; exit 3")
    (job,) = ask(settings)
    worker = start_worker(settings)
    wait_until(lambda: read_lines(tmp_path / "ledger"))
    worker.kill()
    worker.wait()
    wait_until(lambda: len(read_lines(tmp_path / "ledger")) == 2)
    work(settings)
    assert (look(settings, job).state, look(settings, job).exit_code) == ("failed", 3)
    assert len(read_lines(tmp_path / "ledger")) == 2


def test_a_run_killed_with_the_consumer_is_begun_again_once(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("echo begin {id} >> ledger; sleep $(cat pause); echo end {id} >> ledger")
    (tmp_path / "pause").write_text("60")
    (job,) = ask(settings)
    kill_all_at_the_first_line(settings, tmp_path / "ledger", 1)
    assert look(settings, job).state == "running"
    (tmp_path / "pause").write_text("0")
    work(settings)
    assert (look(settings, job).state, look(settings, job).attempts) == ("completed", 2)
    assert [line.split()[0] for line in read_lines(tmp_path / "ledger")] == ["begin", "begin", "end"]


def test_a_run_killed_twice_is_interrupted(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("echo begin >> ledger; sleep 60")
    (job,) = ask(settings)
    for count in (1, 2):
        kill_all_at_the_first_line(settings, tmp_path / "ledger", count)
    work(settings)
    ended = look(settings, job)
    assert (ended.state, ended.attempts) == ("interrupted", 2)
    assert ended.reason == "it was killed 2 times: start it again by hand"


def kill_all_at_the_first_line(settings: JobSettings, ledger: Path, count: int) -> None:
    """Kill a consumer and its run, as a loss of power would."""
    worker = start_worker(settings)
    wait_until(lambda: len(read_lines(ledger)) >= count)
    worker.kill()
    worker.wait()
    (job,) = JobStore(settings.folder).list("running")
    attempt = Attempt(settings.folder, job)
    os.killpg(int((attempt.folder / "pid").read_text()), signal.SIGKILL)
    wait_until(lambda: not attempt.is_alive())


def test_of_two_consumers_one_works_and_the_other_takes_over(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings(LEDGER)
    jobs = ask(settings, 4)
    workers = [start_worker(settings) for _ in range(2)]
    wait_until(lambda: read_lines(tmp_path / "ledger"))
    workers[0].kill()
    for worker in workers:
        worker.wait()
    work(settings)  # what is left, if the one at work was killed last
    names = sorted(job.id for job in jobs)
    lines = read_lines(tmp_path / "ledger")
    assert lines_of(lines, "begin") == lines_of(lines, "end") == names
    assert [line.split()[0] for line in lines] == ["begin", "end"] * 4  # one at a time


def test_a_running_job_is_ended_with_all_its_processes(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("sleep 61 & echo $! >> ledger; sleep 60")
    job, other = ask(settings, 2)
    consumer = threading.Thread(target=work, args=[settings])
    consumer.start()
    wait_until(lambda: read_lines(tmp_path / "ledger"))
    store = JobStore(settings.folder)
    store.cancel(other.id)
    store.cancel(job.id)
    consumer.join(20)
    assert look(settings, job).state == look(settings, other).state == "cancelled"
    (child,) = read_lines(tmp_path / "ledger")
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]


def test_one_that_does_not_listen_is_killed(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("trap '' TERM; echo up >> ledger; while true; do sleep 0.05; done", grace_s=0.2)
    (job,) = ask(settings)
    consumer = threading.Thread(target=work, args=[settings])
    consumer.start()
    wait_until(lambda: read_lines(tmp_path / "ledger"))
    JobStore(settings.folder).cancel(job.id)
    consumer.join(20)
    assert look(settings, job).state == "cancelled"


def test_one_that_takes_too_long_has_failed(make_settings: MakeSettings) -> None:
    settings = make_settings("sleep 60", timeout_s=0.3)
    (job,) = ask(settings)
    work(settings)
    assert (look(settings, job).state, look(settings, job).reason) == ("failed", "it was ended after 0.3 s")


def test_a_consumer_that_is_stopped_leaves_its_run_to_the_next(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("echo begin >> ledger; sleep 0.5; echo end >> ledger")
    first, second = ask(settings, 2)
    consumer = Consumer(settings)
    thread = threading.Thread(target=consumer.work)
    thread.start()
    wait_until(lambda: read_lines(tmp_path / "ledger"))
    consumer.stop()
    thread.join(20)
    assert (look(settings, first).state, look(settings, second).state) == ("running", "queued")
    work(settings)
    assert (look(settings, first).state, look(settings, second).state) == ("completed", "completed")
    assert read_lines(tmp_path / "ledger") == ["begin", "end"] * 2


def test_secrets_of_the_environment_do_not_reach_the_log(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sesame-4711")
    monkeypatch.setenv("TRIPTYCH_TOKEN", "of-the-service")
    monkeypatch.setenv("PWD", "/a/folder")  # of no secret
    line = (
        "echo $SOME_API_KEY /a/folder; echo $TRIPTYCH_TOKEN.; echo 'https://x/y?sig=abc%2F1&x=2'; printf 'a\\rb\\rlast'"
    )
    settings = make_settings(line)
    (job,) = ask(settings)
    work(settings)
    log = Attempt(settings.folder, look(settings, job)).log
    assert log.read_text() == "*** /a/folder\n.\nhttps://x/y?sig=***&x=2\na\nb\nlast\n"
    assert log.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("line", "state"), [("true", "submitted"), ("false", "failed")])
def test_what_azure_ml_has_is_submitted_and_not_completed(make_settings: MakeSettings, line: str, state: str) -> None:
    settings = make_settings(line)
    job, _ = JobStore(settings.folder).add(JobRequest("video", {}, "azure"), 10)
    work(settings)
    ended = look(settings, job)
    assert (ended.state, ended.has_ended) == (state, True)
    assert (f"`triptych azure watch triptych-{job.id}`" in ended.reason) == (state == "submitted")


def hold(path: Path) -> sqlite3.Connection:
    """Keep everybody else from writing into a database."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def test_a_job_whose_end_could_not_be_noted_at_once_is_not_forgotten(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.jobs.database._BUSY_S", 0.05)
    settings = make_settings("echo begin >> ledger; sleep 0.3")
    first, second = ask(settings, 2)
    consumer = threading.Thread(target=work, args=[settings])
    consumer.start()
    wait_until(lambda: read_lines(tmp_path / "ledger"))
    held = hold(settings.folder / "jobs.db")
    time.sleep(0.8)  # the run ends meanwhile
    held.close()
    consumer.join(20)
    assert (look(settings, first).state, look(settings, second).state) == ("completed", "completed")
    assert read_lines(tmp_path / "ledger") == ["begin", "begin"]


def test_a_queue_that_cannot_be_written_ends_no_consumer(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.jobs.queueing._BUSY_S", 0.05)
    settings = make_settings()
    JobQueue(settings.folder.parent)  # with its tables
    job, _ = JobStore(settings.folder).add(JobRequest("video", {}, "local"), 10)
    consumer = Consumer(settings)
    held = hold(settings.folder / "queue.db")
    thread = threading.Thread(target=consumer.work)
    thread.start()
    time.sleep(0.3)
    held.close()
    try:
        wait_until(lambda: look(settings, job).state == "completed")
    finally:
        consumer.stop()
        thread.join(20)


def test_more_than_a_hundred_that_were_lost_on_the_way_come_in_order(make_settings: MakeSettings) -> None:
    settings = make_settings()
    first, _ = JobStore(settings.folder).add(JobRequest("video", {}, "local"), 1000)
    names = [first.id, *(f"lost-{number}" for number in range(101))]
    consumer = Consumer(settings)
    with sqlite3.connect(settings.folder / "jobs.db", isolation_level=None) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        row = "video", "local", "{}", "", "queued", 1.0
        for name in names[1:]:
            connection.execute(
                "INSERT INTO jobs (id, pipeline, environment, parameters, digest, state, created_s) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [name, *row],
            )
        begun: list[str] = []

        def note(name: str) -> None:
            begun.append(name)
            connection.execute("UPDATE jobs SET state = 'completed' WHERE id = ?", [name])

        consumer._queue = JobQueue(settings.folder, note)
        consumer.work(until_idle=True)
    assert begun == names


def test_what_was_cancelled_and_killed_is_not_begun_again(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("echo begin >> ledger; sleep 60")
    (job,) = ask(settings)
    store = JobStore(settings.folder)
    store.claim(job.id)
    store.cancel(job.id)
    store.put_back(job.id, "killed")
    assert look(settings, job).state == "cancelled"
    work(settings)
    assert read_lines(tmp_path / "ledger") == []


def test_what_a_run_leaves_behind_holds_up_no_other(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("echo begin >> ledger; sleep 59 > /dev/null 2>&1 & echo $! > left", grace_s=0.3)
    first, second = ask(settings, 2)
    began = time.monotonic()
    work(settings)
    assert time.monotonic() - began < 20
    assert (look(settings, first).state, look(settings, second).state) == ("completed", "completed")
    left = (tmp_path / "left").read_text().strip()
    assert not Path(f"/proc/{left}").exists() or "Z" in Path(f"/proc/{left}/stat").read_text().split()[2]


def test_a_full_disk_fails_no_job(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("echo begin >> ledger", poll_s=0.01)
    jobs = ask(settings, 2)
    blocked = settings.folder / jobs[0].id / "attempt-1"
    blocked.mkdir(parents=True)
    (blocked / "run.json").symlink_to("/dev/full")
    consumer = threading.Thread(target=work, args=[settings])
    consumer.start()
    wait_until(lambda: "No space left" in look(settings, jobs[0]).reason)
    (blocked / "run.json").unlink()
    consumer.join(20)
    assert [(look(settings, job).state, look(settings, job).attempts) for job in jobs] == [("completed", 1)] * 2


def test_a_disk_that_is_full_when_a_run_ends_makes_it_run_no_second_time(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings("echo begin >> ledger; seq 100000")  # more than a pipe holds
    (job,) = ask(settings)
    blocked = settings.folder / job.id / "attempt-1"
    blocked.mkdir(parents=True)
    for name in ("log.txt", "exit.part"):
        (blocked / name).symlink_to("/dev/full")
    consumer = threading.Thread(target=work, args=[settings])
    consumer.start()
    wait_until(lambda: read_lines(tmp_path / "ledger"))
    time.sleep(0.5)
    (blocked / "exit.part").unlink()
    consumer.join(20)
    assert (look(settings, job).state, look(settings, job).attempts) == ("completed", 1)
    assert read_lines(tmp_path / "ledger") == ["begin"]


def test_the_clock_may_be_set_forward(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings("echo begin >> ledger; sleep 0.4", timeout_s=30.0)
    (job,) = ask(settings)
    consumer = threading.Thread(target=work, args=[settings])
    real = time.time
    with pytest.MonkeyPatch.context() as clock:
        consumer.start()
        wait_until(lambda: read_lines(tmp_path / "ledger"))
        clock.setattr("time.time", lambda: real() + 3600)
        consumer.join(20)
    assert look(settings, job).state == "completed"


def test_nobody_else_reads_what_a_run_was_given(make_settings: MakeSettings) -> None:
    settings = make_settings()
    (job,) = ask(settings)
    work(settings)
    assert Attempt(settings.folder, look(settings, job)).folder.stat().st_mode & 0o077 == 0
