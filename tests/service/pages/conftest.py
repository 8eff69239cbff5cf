"""The service with its pages, on a port of this machine: for requests, and for a browser."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.conftest import ROOT
from tests.kedro_project import restoring
from tests.service.conftest import PARAMS, MakeSettings, encode_photo, wait_until
from triptych.jobs.settings import JobSettings
from triptych.service.app import create_app
from triptych.service.pages.router import make_page_rules, make_pages_router
from triptych.service.params import PageParams
from triptych.service.server import make_server
from triptych.service.taking_jobs import taking_jobs

HTMX = {"HX-Request": "true"}


# Stands for a run of the pipeline: it says how far it is, and its video is the one it was given.
RUN = """
import json, pathlib, shutil, sys, time
given = json.load(open(sys.argv[1]))["run"]["params"]
(video,) = pathlib.Path(given["video_raw"]).iterdir()
finished = pathlib.Path(sys.argv[2]) / "07_model_output/video/finished"
finished.mkdir(parents=True)
for step in (1, 2):
    print(f"Completed {step} out of 2 tasks", flush=True)
    time.sleep(0.4)
if video.stem.startswith("fail"):
    raise ValueError("this one cannot be painted")
shutil.copy(video, finished)
"""


@pytest.fixture(scope="session")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> JobSettings:
    """What jobs may do: the script above, as Python."""
    return JobSettings(
        project=ROOT,
        folder=tmp_path_factory.mktemp("paged") / "jobs",
        allowed=(str(tmp_path_factory.getbasetemp()),),
        poll_s=0.05,
        command=(sys.executable, "-c", RUN, "{parameters}", "{results}"),
    )


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of reports with one picture, and what is none."""
    folder = tmp_path_factory.mktemp("paged_reports")
    (folder / "shelf").mkdir()
    (folder / "shelf" / "over & lays.png").write_bytes(encode_photo(3))
    (folder / "shelf" / "metrics.json").write_text("{}")
    (folder / "page.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "link.png").symlink_to(ROOT / "pyproject.toml")
    return folder


@pytest.fixture(scope="session")
def address(make_settings: MakeSettings, jobs: JobSettings, reports: Path) -> Iterator[str]:
    """Where the service is."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        pages = PageParams(viz_link="https://viz.example/")
        params = PARAMS.replace(port=free.getsockname()[1], poll_s=1.0, pages=pages)
    settings = make_settings("faq", "shelf", "video", params=params, reports=reports)
    with restoring(), taking_jobs(jobs) as jobs_router:
        routers = [make_pages_router(params, jobs), jobs_router]
        server = make_server(create_app(settings, routers, make_page_rules(params)), params)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            wait_until(lambda: server.started)
            found = f"http://127.0.0.1:{params.port}"
            wait_until(lambda: httpx2.get(f"{found}/health/ready").status_code == 200, 120)
            yield found
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def client(address: str) -> Iterator[httpx2.Client]:
    """Ask the service."""
    with httpx2.Client(base_url=address, timeout=60) as client:
        yield client
