"""What poison does to a reader, it does to a process of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.jobs.conftest import MakeSettings
from tests.watcher.conftest import draw
from triptych.errors import InputError
from triptych.jobs.service import Jobs
from triptych.jobs.store import JobStore
from triptych.watcher import checking
from triptych.watcher.checking import FileChecker, check_file
from triptych.watcher.kinds import KINDS
from triptych.watcher.watcher import Watcher, WatchSettings

# A reader of photos that does what is in the file.
READER = """
import ctypes, dataclasses, os, signal, sys, time
from triptych.watcher import checker_process, kinds

def read(path):
    word = path.read_bytes()
    if word == b"crash":
        ctypes.string_at(0)
    if word == b"killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == b"hang":
        time.sleep(60)
    if word == b"print":
        print("no answer", flush=True)

photos = dataclasses.replace(kinds.KINDS["photos"], check=read)
checker_process.KINDS = {**kinds.KINDS, "photos": photos}
checker_process.main(sys.argv[1:])
"""


@pytest.fixture
def poisonous(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileChecker]:
    monkeypatch.setattr(checking, "_COMMAND", (sys.executable, "-c", READER))
    checker = FileChecker(timeout_s=1.0)
    yield checker
    checker.close()


def test_what_kills_its_reader_is_put_aside_and_the_others_go_on(
    poisonous: FileChecker,
    make_settings: MakeSettings,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'none.db'}")
    landing = tmp_path / "landing"
    landing.mkdir()
    expected = {
        "crash": "what reads it crashed (SIGSEGV)\n",
        "killed": "what reads it was killed, as happens if it takes more memory than there is\n",
        "hang": "it could not be looked at within 1 s\n",
    }
    for number, word in enumerate(("good", "crash", "fine", "hang", "print", "killed", "last")):
        (landing / f"{number}-{word}.png").write_text(word)
    settings = make_settings()
    Watcher(Jobs(settings), WatchSettings({str(landing): ("photos",)}, settle_s=0.0, gather_s=0.0), poisonous).look()
    reasons = {path.name[2:].split(".")[0]: path.read_text() for path in settings.folder.rglob("*.reason.txt")}
    assert reasons == expected
    (job,) = JobStore(settings.folder).list()
    staged = Path(job.request().parameters["shelf_photos"])
    assert sorted(path.stem[2:] for path in staged.iterdir()) == ["fine", "good", "last", "print"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what is allocated")
def test_a_file_has_its_share_of_memory(tmp_path: Path) -> None:
    Image.new("1", (9_900, 9_900)).save(tmp_path / "huge.png")  # 12 kB
    small = draw(tmp_path / "small.png")
    checker = FileChecker(max_memory_mb=200.0)
    try:
        assert "memory" in checker.find_fault(KINDS["photos"], tmp_path / "huge.png")
        assert checker.find_fault(KINDS["photos"], small) == ""
    finally:
        checker.close()


def test_a_checker_that_was_killed_is_started_anew(checker: FileChecker, tmp_path: Path) -> None:
    good = draw(tmp_path / "good.png")
    assert checker.find_fault(KINDS["photos"], good) == ""
    assert checker._process is not None
    os.kill(checker._process.pid, signal.SIGKILL)  # as the kernel does, short of memory, while it has nothing to do
    checker._process.wait()
    assert checker.find_fault(KINDS["photos"], good) == ""


def test_one_file_may_be_checked(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no photo")
    with pytest.raises(InputError, match="no photo in a format that is read"):
        check_file(KINDS["photos"], tmp_path / "text.png")
    check_file(KINDS["photos"], draw(tmp_path / "good.png"))
