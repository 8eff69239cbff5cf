from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from triptych.jobs.store import JobRequest, JobStore, KeyReusedError, QueueFullError

REQUEST = JobRequest("video", {"video": {"style": {"strength": 0.5}}}, "local")
OTHER = JobRequest("video", {}, "local")


def test_a_job_is_as_it_was_asked_for_also_for_another_process(tmp_path: Path) -> None:
    job, is_new = JobStore(tmp_path).add(REQUEST, 10)
    found = JobStore(tmp_path).find(job.id)
    assert is_new
    assert found == job
    assert found.request() == REQUEST
    assert (found.state, found.attempts, found.has_ended) == ("queued", 0, False)
    assert JobStore(tmp_path).find("20261129-000000-00000000") is None


def test_the_same_key_with_the_same_job_is_one_job_and_with_another_is_refused(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    first, _ = store.add(REQUEST, 1, "k-1")
    again, is_new = store.add(JobRequest("video", {"video": {"style": {"strength": 0.5}}}, "local"), 1, "k-1")
    assert (again.id, is_new) == (first.id, False)  # the queue is full, and it is no new one
    with pytest.raises(KeyReusedError, match=f"belongs to job {first.id}, which is another"):
        store.add(OTHER, 10, "k-1")
    assert [job.id for job in store.list()] == [first.id]


def test_as_many_wait_as_may(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    jobs = [store.add(OTHER, 2)[0] for _ in range(2)]
    with pytest.raises(QueueFullError, match="2 jobs wait"):
        store.add(OTHER, 2)
    store.claim(jobs[0].id)
    store.add(OTHER, 2)


def test_of_many_who_ask_with_one_key_and_many_who_claim_one_is_first(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda _: JobStore(tmp_path).add(OTHER, 100, "same"), range(24)))
        assert [is_new for _, is_new in added].count(True) == 1
        (name,) = {job.id for job, _ in added}
        claimed = list(pool.map(lambda _: JobStore(tmp_path).claim(name), range(24)))
    assert len([job for job in claimed if job is not None]) == 1
    assert JobStore(tmp_path).find(name) == next(job for job in claimed if job)


def test_what_has_ended_stays_as_it_is(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    job, _ = store.add(OTHER, 10)
    assert not store.end(job.id, "completed")  # it has not begun
    store.claim(job.id)
    assert store.end(job.id, "failed", "exit code 1", 1)
    assert not store.end(job.id, "completed")
    store.put_back(job.id, "no")
    after = store.cancel(job.id)
    assert after is not None
    assert (after.state, after.reason, after.exit_code, after.is_cancelled) == ("failed", "exit code 1", 1, False)
    assert store.claim(job.id) is None


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_is_asked_to_end(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    waiting, running = (store.add(OTHER, 10)[0].id for _ in range(2))
    store.claim(running)
    assert (one := store.cancel(waiting)) is not None
    assert (two := store.cancel(running)) is not None
    assert (one.state, two.state, two.is_cancelled) == ("cancelled", "running", True)
    assert store.claim(waiting) is None
    assert store.cancel("none") is None


def test_the_newest_come_first(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    names = [store.add(OTHER, 10)[0].id for _ in range(3)]
    store.claim(names[0])
    assert [job.id for job in store.list()] == names[::-1]
    assert [job.id for job in store.list("queued", most=1)] == [names[2]]
    assert [job.id for job in store.list("running")] == [names[0]]


def test_nobody_else_may_read_what_was_asked(tmp_path: Path) -> None:
    JobStore(tmp_path).add(REQUEST, 10)
    assert (tmp_path / "jobs.db").stat().st_mode & 0o077 == 0


def test_text_of_any_kind_is_kept(tmp_path: Path) -> None:
    request = JobRequest("video", {"video_retry": "Zoë's '; DROP TABLE jobs; -- 日本.mp4"}, "local")
    job, _ = JobStore(tmp_path).add(request, 10, "k")
    assert job.request() == request
    with sqlite3.connect(tmp_path / "jobs.db") as connection:
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (1,)
