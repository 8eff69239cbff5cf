"""What lands becomes one job, whoever watches and whatever is killed; what does not open goes to the quarantine."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from tests.jobs.conftest import MakeSettings, wait_until, work
from tests.video.clips import short_clip
from tests.watcher.conftest import MakeWatcher, draw
from triptych.jobs.settings import JobSettings
from triptych.jobs.store import Job, JobStore
from triptych.watcher.ledger import LandedLedger


def list_jobs(settings: JobSettings) -> list[Job]:
    return JobStore(settings.folder).list()[::-1]


def test_each_kind_goes_to_its_pipeline(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path, tmp_path: Path
) -> None:
    short_clip(landing / "deep" / "ä.mp4", frames=3)
    draw(landing / "one.png")
    draw(landing / "two.PNG")
    (landing / "questions.csv").write_text("title,body\nWhy?,\n")
    (landing / "more.csv").write_text("title,body\nWhat?,\n")
    (landing / "notes.txt").write_text("not looked at")
    settings = make_settings()
    make_watcher(settings, parameters={"video.style.strength": 0.5}).look()
    jobs = list_jobs(settings)
    assert sorted(job.pipeline for job in jobs) == ["faq_score", "faq_score", "shelf_score", "video"]
    by_name = {job.pipeline: job.request().parameters for job in jobs}
    assert by_name["video"]["video"] == {"style": {"strength": 0.5}}
    staged = Path(by_name["video"]["video_raw"])
    assert (staged / "deep" / "ä.mp4").read_bytes() == (landing / "deep" / "ä.mp4").read_bytes()
    assert sorted(path.name for path in Path(by_name["shelf_score"]["shelf_photos"]).iterdir()) == [
        "one.png",
        "two.PNG",
    ]
    assert Path(by_name["faq_score"]["faq_questions"]).name in ("questions.csv", "more.csv")


def test_a_file_is_one_job_until_it_changes(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path
) -> None:
    settings = make_settings()
    draw(landing / "one.png")
    watcher = make_watcher(settings)
    for each in (watcher, watcher, make_watcher(settings)):  # the last after a restart
        each.look()
    assert len(list_jobs(settings)) == 1
    draw(landing / "one.png", 200)
    os.utime(landing / "one.png", ns=(1, 1))
    watcher.look()
    assert len(list_jobs(settings)) == 2


def test_many_watchers_at_once_make_one_job(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path, tmp_path: Path
) -> None:
    settings = make_settings("ls {parameters} >> ledger")
    names = [draw(landing / f"{number}.png", number).name for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        watchers = [make_watcher(settings) for _ in range(6)]
        for _ in range(3):
            list(pool.map(lambda watcher: watcher.look(), watchers))
    staged = [path.name for path in (settings.folder / "intake").rglob("*.png")]
    assert sorted(staged) == sorted(names)  # each once, in whichever batch
    work(settings)
    assert len((tmp_path / "ledger").read_text().splitlines()) == len(list_jobs(settings))
    (landing / "late.png").write_bytes((landing / "1.png").read_bytes())
    before = len(list_jobs(settings))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda watcher: watcher.look(), watchers))
    assert len(list_jobs(settings)) == before + 1


POISON = {
    "empty.mp4": (b"", "empty"),
    "text.mp4": (b"no video at all", "no video file"),
    "playlist.mkv": (b"#EXTM3U\n/etc/passwd\n", "no video file"),
    "junk.jpg": (b"\xff\xd8\xff junk", ""),
    "none.csv": (b"title,body\n", "no question is in it"),
    "wrong.csv": (b"a,b\n1,2\n", "title or body is needed"),
    "bytes.csv": (b"title\n\xff\xfe\x00", "cannot be read"),
    "not.parquet": (b"PAR1", "cannot be read"),
}


def test_what_does_not_open_is_put_aside_with_its_reason_and_loses_no_other(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path
) -> None:
    for name, (content, _) in POISON.items():
        (landing / name).write_bytes(content)
    whole = short_clip(landing / "whole.mp4", frames=12).read_bytes()
    (landing / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    draw(landing / "good.png")
    settings = make_settings()
    watcher = make_watcher(settings)
    watcher.look()
    assert sorted(job.pipeline for job in list_jobs(settings)) == ["shelf_score", "video"]
    quarantine = settings.folder / "quarantine"
    reasons = {path.name.removesuffix(".reason.txt"): path.read_text() for path in quarantine.rglob("*.reason.txt")}
    assert set(reasons) == {*POISON, "cut.mp4"}
    for name, (content, reason) in POISON.items():
        (path,) = (path for path in quarantine.rglob("*") if path.name == name)
        assert path.read_bytes() == content
        assert reason in reasons[name]
        assert str(settings.folder) not in reasons[name]
    watcher.look()
    assert len(list_jobs(settings)) == 2
    assert (landing / "text.mp4").exists()  # a landing folder is only read
    short_clip(landing / "text.mp4", frames=3)  # the upload comes to its end after all
    watcher.look()
    assert len(list_jobs(settings)) == 3


def test_a_name_that_is_no_text_is_put_aside(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path
) -> None:
    draw(landing / "x.png").rename(os.fsdecode(os.fsencode(landing) + b"/\xff.png"))
    settings = make_settings()
    make_watcher(settings).look()
    assert list_jobs(settings) == []
    (reason,) = (settings.folder / "quarantine").rglob("*.reason.txt")
    assert reason.read_text() == "its name is no UTF-8: rename it\n"


def test_a_full_queue_is_waited_for(make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path) -> None:
    settings = make_settings(most_queued=1)
    (landing / "a.csv").write_text("title\nWhy?\n")
    (landing / "b.csv").write_text("title\nWhy?\n")
    watcher = make_watcher(settings)
    watcher.look()
    assert len(list_jobs(settings)) == 1
    work(settings)
    wait_until(lambda: watcher.look() or len(list_jobs(settings)) == 2)


def test_what_was_claimed_and_not_submitted_is_submitted_by_the_next(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(landing / "one.png")
    settings = make_settings()
    killed = make_watcher(settings)
    monkeypatch.setattr(killed, "_submit", lambda *_: None)  # killed right after the claim
    killed.look()
    assert list_jobs(settings) == []
    make_watcher(settings).look()
    (job,) = list_jobs(settings)
    ledger = LandedLedger(settings.folder)
    (batch,) = ledger.list("submitted")
    with sqlite3.connect(settings.folder / "landed.db") as connection:  # killed right after the submission
        connection.execute("UPDATE batches SET state = 'open', job = ''")
    make_watcher(settings).look()
    assert [each.id for each in list_jobs(settings)] == [job.id]
    assert ledger.list("submitted") == [batch]


def test_results_are_delivered_and_the_intake_is_cleared(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path, tmp_path: Path
) -> None:
    making = "d={results}/07_model_output/video/finished/deep; mkdir -p $d; echo painted > $d/a.mp4"
    settings = make_settings(making)
    short_clip(landing / "deep" / "a.mp4", frames=3)
    watcher = make_watcher(settings, out=tmp_path / "out")
    watcher.look()
    work(settings)
    watcher.look()
    assert (tmp_path / "out" / "deep" / "a.mp4").read_text() == "painted\n"
    assert list((settings.folder / "intake").iterdir()) == []
    draw(landing / "one.png")
    settings = make_settings(
        "mkdir -p {results}/07_model_output/shelf; echo 3 > {results}/07_model_output/shelf/new_counts.csv"
    )
    watcher = make_watcher(settings, out=tmp_path / "out")
    watcher.look()
    work(settings)
    watcher.look()
    job = list_jobs(settings)[-1]
    assert (tmp_path / "out" / job.id / "new_counts.csv").read_text() == "3\n"


@pytest.mark.parametrize("has_news", [True, False])
def test_a_file_is_noticed_with_news_of_the_system_and_without(
    has_news: bool,
    make_watcher: MakeWatcher,
    make_settings: MakeSettings,
    landing: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not has_news:
        monkeypatch.setattr("watchfiles.watch", no_news)
    settings = make_settings()
    watcher = make_watcher(settings, settle_s=0.05)
    thread = threading.Thread(target=watcher.watch, daemon=True)
    thread.start()
    try:
        for count in (1, 2):
            draw(landing / f"{count}.png", count)
            wait_until(lambda count=count: len(list_jobs(settings)) == count)  # type: ignore[misc]
    finally:
        watcher.stop()
        thread.join(20)
    assert not thread.is_alive()


def no_news(*_: object, **__: object) -> None:
    raise OSError(28, "OS file watch limit reached")


def test_a_folder_in_blob_storage_is_fetched_from(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path
) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/container/night/a.png", draw(landing / "a.png").read_bytes())
    settings = make_settings()
    try:
        make_watcher(settings, folders={"memory://container": ("photos",)}).look()
    finally:
        memory.rm("/container", recursive=True)
    (job,) = list_jobs(settings)
    staged = Path(job.request().parameters["shelf_photos"])
    assert (staged / "night" / "a.png").read_bytes() == (landing / "a.png").read_bytes()


def test_on_azure_the_pipeline_finds_what_has_landed(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path
) -> None:
    (landing / "a.mp4").write_text("not looked at here")
    settings = make_settings()
    make_watcher(settings, environment="azure", folders={str(landing): ("videos",)}).look()
    (job,) = list_jobs(settings)
    assert (job.environment, job.request().parameters) == ("azure", {})


def test_a_folder_that_is_away_holds_up_no_other(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path, tmp_path: Path
) -> None:
    draw(landing / "a.png")
    settings = make_settings()
    make_watcher(settings, folders={str(tmp_path / "none"): ("photos",), str(landing): ("photos",)}).look()
    assert len(list_jobs(settings)) == 1


def test_results_that_cannot_be_delivered_are_so_later_and_hold_up_no_other(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path, tmp_path: Path
) -> None:
    folder = "{results}/07_model_output/faq"
    settings = make_settings(f"mkdir -p {folder}; echo 1 > {folder}/matches.csv")
    (landing / "a.csv").write_text("title\nWhy?\n")
    (landing / "b.csv").write_text("title\nWhy?\n")
    watcher = make_watcher(settings, out=tmp_path / "out")
    watcher.look()
    work(settings)
    first, second = list_jobs(settings)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / first.id).write_text("in the way")
    watcher.look()
    assert (tmp_path / "out" / second.id / "matches.csv").exists()
    assert not watcher.watch_until_done()  # rather than for ever
    (tmp_path / "out" / first.id).unlink()
    wait_until(lambda: watcher.look() or (tmp_path / "out" / first.id / "matches.csv").exists())
    assert watcher.watch_until_done()


def test_a_watcher_leaves_what_landed_in_the_folders_of_others_to_them(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path, tmp_path: Path
) -> None:
    making = "d={results}/07_model_output/faq; mkdir -p $d; echo 1 > $d/matches.csv"
    settings = make_settings(making)
    (landing / "a.csv").write_text("title\nWhy?\n")
    mine = make_watcher(settings, out=tmp_path / "mine")
    mine.look()
    work(settings)
    (tmp_path / "else").mkdir()
    for folders in ({str(tmp_path / "else"): ("questions",)}, {str(landing): ("photos",)}):
        assert make_watcher(settings, folders=folders, out=tmp_path / "theirs").watch_until_done()
    assert not (tmp_path / "theirs").exists()
    mine.look()
    assert [path.name for path in (tmp_path / "mine").rglob("*.csv")] == ["matches.csv"]


def test_files_of_one_name_in_two_folders_are_kept_apart(
    make_watcher: MakeWatcher, make_settings: MakeSettings, tmp_path: Path
) -> None:
    making = "d={results}/07_model_output/video/finished; mkdir -p $d; echo {id} > $d/a.mp4"
    settings = make_settings(making)
    folders = [tmp_path / place / "landing" for place in ("one", "two")]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        short_clip(folder / "a.mp4", frames=3, seed=number)
        (folder / "bad.mp4").write_text("no video")
    watcher = make_watcher(settings, folders={str(folder): ("videos",) for folder in folders}, out=tmp_path / "out")
    watcher.look()
    work(settings)
    watcher.look()
    found = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_text() for path in (tmp_path / "out").rglob("*.mp4")
    }
    assert set(found) == {"landing/a.mp4", "landing-2/a.mp4"}
    assert sorted(found.values()) == sorted(f"{job.id}\n" for job in list_jobs(settings))
    assert len(list((settings.folder / "quarantine").rglob("bad.mp4"))) == 2


def test_what_opens_after_all_leaves_the_quarantine(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path
) -> None:
    settings = make_settings()
    (landing / "slow.png").write_bytes(b"")
    watcher = make_watcher(settings)
    watcher.look()
    quarantine = settings.folder / "quarantine" / "photos"
    assert sorted(path.name for path in quarantine.iterdir()) == ["slow.png", "slow.png.reason.txt"]
    draw(landing / "slow.png")
    watcher.look()
    assert len(list_jobs(settings)) == 1
    assert list(quarantine.iterdir()) == []


def test_a_database_that_is_locked_ends_no_watcher(
    make_watcher: MakeWatcher, make_settings: MakeSettings, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.jobs.database._BUSY_S", 0.05)
    settings = make_settings()
    watcher = make_watcher(settings)
    with sqlite3.connect(settings.folder / "landed.db", isolation_level=None) as held:
        held.execute("BEGIN IMMEDIATE")
        (landing / "a.csv").write_text("title\nWhy?\n")
        thread = threading.Thread(target=watcher.watch, daemon=True)
        thread.start()
        time.sleep(0.3)
    held.close()
    try:
        wait_until(lambda: list_jobs(settings))
    finally:
        watcher.stop()
        thread.join(20)
