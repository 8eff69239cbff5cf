"""A watcher with its consumer, whose jobs note what they were given: `python watch_process.py FOLDER`."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from triptych.jobs.consumer import Consumer
from triptych.jobs.service import Jobs
from triptych.jobs.settings import JobSettings
from triptych.watcher.watcher import Watcher, WatchSettings

ROOT = Path(__file__).parents[2]
NOTE = """
import json, os, pathlib, sys
given = json.loads(pathlib.Path(sys.argv[1]).read_text())["run"]["params"]["shelf_photos"]
text = "".join(f"{path.name}\\n" for path in sorted(pathlib.Path(given).iterdir()))
os.write(os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT), text.encode())
"""


def make_settings(folder: Path) -> JobSettings:
    """Make settings by which a job writes the names of its photos into a ledger."""
    return JobSettings(
        project=ROOT,
        folder=folder / "jobs",
        allowed=(str(folder),),
        poll_s=0.05,
        command=(sys.executable, "-S", "-c", NOTE, "{parameters}", str(folder / "ledger")),
    )


if __name__ == "__main__":
    place = Path(sys.argv[1])
    settings = make_settings(place)
    watched = WatchSettings(
        {str(place / "landing"): ("photos",)}, settle_s=0.1, gather_s=0.0, poll_s=0.1, out=place / "out"
    )
    threading.Thread(target=Consumer(settings).work).start()
    Watcher(Jobs(settings), watched).watch()
