"""What is kept goes in time, and nothing that is still needed, nor anything of others."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.jobs.conftest import MakeSettings, ask, work
from triptych.jobs.cleaning import clean
from triptych.jobs.settings import JobParams, JobSettings, settings_of
from triptych.jobs.store import JobRequest, JobStore, State

DAY_S = 86_400.0


def age(path: Path, days: float) -> Path:
    os.utime(path, times=(time.time() - days * DAY_S,) * 2)
    return path


def fill(folder: Path, size: int = 1000) -> Path:
    folder.mkdir(parents=True)
    (folder / "file").write_bytes(b"x" * size)
    return folder


def make_job(settings: JobSettings, state: State, days: float, given: Path | None = None) -> Path:
    """Make a job that has been in a state for some days, with its folder."""
    store = JobStore(settings.folder)
    job, _ = store.add(JobRequest("video", {"video_raw": str(given)} if given else {}, "local"), 100)
    with store._database.open() as connection:
        then_s = time.time() - days * DAY_S
        connection.execute(
            "UPDATE jobs SET state = ?, created_s = ?, ended_s = ? WHERE id = ?", [state, then_s, then_s, job.id]
        )
    return age(fill(settings.folder / job.id), days)


def test_what_is_old_goes_and_what_is_needed_stays(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings(keep_days=10.0)
    given = [age(fill(settings.uploads / uuid.uuid4().hex), 40) for _ in range(4)]
    staged = age(fill(settings.folder / "intake" / f"landed-{uuid.uuid4().hex}"), 40)
    others = [fill(tmp_path / "uploads" / "mine"), fill(settings.folder / "mine")]
    put_aside = age(fill(settings.folder / "quarantine" / "photos") / "file", 40)
    reason = put_aside.with_name("file.reason.txt")
    reason.write_text("why")
    gone = [
        make_job(settings, "completed", 11, given[0]),
        make_job(settings, "cancelled", 40),
        given[0],
        given[3],  # whose job was never asked for
        age(fill(settings.folder / "20200101-000000-00000000"), 400),  # of a database that is no more
        staged,
    ]
    stay = [
        make_job(settings, "queued", 40, given[1]),
        make_job(settings, "running", 40, given[2]),
        make_job(settings, "failed", 9),
        *(given[1], given[2], *others, put_aside, reason),
    ]
    (settings.folder / "20200101-000000-11111111").symlink_to(others[0])
    store = JobStore(settings.folder)
    assert set(clean(settings, store, is_dry=True)) == set(gone)
    assert all(path.exists() for path in (*gone, *stay))
    assert set(clean(settings, store)) == set(gone)
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in stay)
    assert (others[0] / "file").exists()
    age(reason, 11)
    assert set(clean(settings, store)) == {put_aside, reason}
    assert clean(settings.replace(keep_days=0.0), store) == []


def test_of_too_much_the_oldest_goes_first(make_settings: MakeSettings) -> None:
    settings = make_settings(keep_days=0.0, max_kept_mb=0.0025)
    jobs = [make_job(settings, "completed", days) for days in (1, 3, 2)]
    make_job(settings, "running", 9)
    fresh = fill(settings.uploads / uuid.uuid4().hex)
    assert clean(settings, JobStore(settings.folder)) == [jobs[1], jobs[2], jobs[0]]
    assert fresh.exists()
    assert clean(settings, JobStore(settings.folder)) == []


def test_a_consumer_cleans(make_settings: MakeSettings) -> None:
    settings = make_settings()
    old = make_job(settings, "completed", 31)
    ask(settings)
    work(settings)
    assert not old.exists()


def test_the_configuration_says_how_long(tmp_path: Path) -> None:
    given = yaml.safe_load((ROOT / "conf/base/jobs.yml").read_text(encoding="utf-8"))["jobs"]
    assert JobParams.read(given) == JobParams()
    assert set(given) == set(JobParams.model_fields)
    for name in ("base", "local"):
        (tmp_path / "conf" / name).mkdir(parents=True)
    assert settings_of(tmp_path).keep_days == 30.0
    (tmp_path / "conf/base/jobs.yml").write_text("jobs: {keep_days: 3.0, max_kept_mb: 5.0}")
    (tmp_path / "conf/local/jobs.yml").write_text("jobs: {keep_days: 4}")
    settings = settings_of(tmp_path)
    assert (settings.keep_days, settings.max_kept_mb) == (4.0, 5.0)
    for wrong in ("jobs: {keep_days: -1}", "jobs: {keep: 1}", "jobs: [", "jobs: 3", "- 1"):
        (tmp_path / "conf/local/jobs.yml").write_text(wrong)
        with pytest.raises(ValueError, match="jobs.yml"):
            settings_of(tmp_path)
