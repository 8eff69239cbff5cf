"""The page that paints, without a browser."""

from __future__ import annotations

import base64
import io
import re
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.service.conftest import encode_photo, wait_until
from tests.service.jobs_process import make_settings
from tests.service.pages.conftest import HTMX
from tests.video.clips import short_clip
from triptych.jobs.service import Jobs
from triptych.jobs.settings import JobSettings
from triptych.service.app import create_app
from triptych.service.pages.router import make_page_rules, make_pages_router
from triptych.service.pages.videos import make_safe_name
from triptych.service.params import PageParams, ServiceParams
from triptych.watcher import checking

STYLE = {"style": "style1"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return short_clip(tmp_path_factory.mktemp("stylize") / "clip.mp4", frames=5)


def start(client: Any, name: str, content: bytes, **form: str) -> Any:
    files = {"file": (name, content)}
    return client.post("/pages/stylize/start", files=files, data=STYLE | form, headers=HTMX)


def wait_for_end(client: httpx2.Client, answer: Any) -> tuple[str, str]:
    """Give the address of a job and what the page shows of it at its end."""
    (job,) = re.findall(r"job=([0-9a-f-]+)", answer.headers["HX-Push-Url"])
    place = f"/pages/stylize/jobs/{job}"
    wait_until(lambda: "hx-trigger" not in client.get(place).text, 30)
    return place, client.get(place).text


def test_a_video_becomes_a_job_with_its_style(client: httpx2.Client, jobs: JobSettings, clip: Path) -> None:
    answer = start(client, "../my <b>clip.MP4", clip.read_bytes(), style="painters2/ink")
    assert answer.status_code == 200, answer.text
    place, shown = wait_for_end(client, answer)
    assert "my_b_clip.mp4 in painters2/ink" in shown
    job = Jobs(jobs).find(place.rpartition("/")[2])
    assert job
    # What every browser plays.
    assert job.request().parameters["video"] == {
        "style": {"styles": {"*": "painters2/ink"}},
        "encoding": {"container": "mp4"},
    }
    for name in ("before", "after"):
        assert client.get(f"{place}/{name}").content == clip.read_bytes()
    part = client.get(f"{place}/after", headers={"Range": "bytes=0-9"})  # by which browsers seek
    assert (part.status_code, part.content) == (206, clip.read_bytes()[:10])
    assert client.get(f"{place}/after").headers["Content-Type"] == "video/mp4"
    assert "attachment" in client.get(f"{place}/after?save=true").headers["Content-Disposition"]
    assert place.rpartition("/")[2] in client.get("/pages/stylize").text


def test_why_a_job_failed_is_said(client: httpx2.Client, clip: Path) -> None:
    place, shown = wait_for_end(client, start(client, "fail.mp4", clip.read_bytes()))
    assert "could not be painted" in shown
    assert "this one cannot be painted" in shown
    assert client.get(f"{place}/after").status_code == 404


def test_a_picture_is_painted_as_the_route_paints_it(client: httpx2.Client) -> None:
    expected = client.post("/video/frame", files={"picture": encode_photo(4)}, data=STYLE).content
    answer = start(client, "<script>.png", encode_photo(4))
    assert answer.status_code == 200
    assert "<script>" not in answer.text
    assert base64.b64encode(expected).decode() in answer.text


@pytest.mark.parametrize(
    ("name", "content", "form", "status", "said"),
    [
        ("a.mp4", b"no video", {}, 422, "cannot be used"),
        ("a.mp4", b"", {}, 422, "empty"),
        ("a.mp4", b"x", {"style": "none such"}, 422, "one of the styles"),
        ("a.png", b"no picture", {}, 400, "no photo"),
        ("a.png", b"x", {"style": "<script>"}, 400, "no style"),
        ("", b"", {}, 422, "Choose a video"),
    ],
)
def test_what_cannot_be_painted_is_told(
    client: httpx2.Client, jobs: JobSettings, name: str, content: bytes, form: dict[str, str], status: int, said: str
) -> None:
    uploads = jobs.folder.parent / "uploads"
    before = set(uploads.glob("*"))
    answer = start(client, name, content, **form)
    assert answer.status_code == status
    assert said in answer.text
    assert "<script>" not in answer.text
    assert set(uploads.glob("*")) == before  # nothing is kept


def test_each_style_has_a_picture(client: httpx2.Client) -> None:
    page = client.get("/pages/stylize").text
    pictures = [
        client.get(address.replace("&amp;", "&")) for address in re.findall(r'/pages/stylize/style\?[^"]*', page)
    ]
    assert len({answer.content for answer in pictures}) == len(pictures) == 3
    assert {Image.open(io.BytesIO(answer.content)).size for answer in pictures} == {(240, 160)}
    assert client.get("/pages/stylize/style?name=none").status_code == 400


def test_jobs_of_others_are_not_shown(client: httpx2.Client) -> None:
    for name in ("before", "after"):
        assert client.get(f"/pages/stylize/jobs/0123/{name}").status_code == 404
    assert "no such job" in client.get("/pages/stylize/jobs/0123").text
    assert client.get("/pages/stylize?job=<b>").status_code == 422


def make_client(params: PageParams, jobs: JobSettings | None = None) -> TestClient:
    """Make a service without models."""
    service = ServiceParams().replace(pages=params)
    app = create_app(make_settings(service), [make_pages_router(service, jobs)], make_page_rules(service))
    return TestClient(app, base_url="http://localhost:8000")


def test_without_jobs_the_page_says_how_to_turn_them_on(make_settings: Any) -> None:
    service = ServiceParams()
    app = create_app(make_settings("video"), [make_pages_router(service)], make_page_rules(service))
    client = TestClient(app, base_url="http://localhost:8000")  # not started: nothing is loaded
    assert "triptych serve --jobs" in client.get("/pages/stylize").text
    answer = start(client, "a.mp4", b"x")
    assert answer.status_code == 409
    assert "triptych serve --jobs" in answer.text
    assert client.get("/pages/stylize/jobs/0123").status_code == 404


def test_a_video_that_is_too_large_is_refused() -> None:
    client = make_client(PageParams(max_upload_mb=0.001))
    assert start(client, "a.mp4", b"x" * 2000).status_code == 413


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a b.MP4", "a_b.mp4"),
        ("..\\..\\x.mov", "x.mov"),
        ("/.mp4", "video.mp4"),
        ("…….webm", "video.webm"),
        ("x" * 300 + ".mkv", "x" * 80 + ".mkv"),
        ("film\n.m p4", "film.mp4"),
    ],
)
def test_names_are_made_safe(name: str, safe: str) -> None:
    assert make_safe_name(name) == safe


def test_a_video_that_crashes_what_reads_it_does_not_crash_the_service(
    client: httpx2.Client, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash = "import ctypes; input(); print(flush=True); ctypes.string_at(0)"
    monkeypatch.setattr(checking, "_COMMAND", (sys.executable, "-c", crash))
    answer = start(client, "crash.mp4", clip.read_bytes())
    assert answer.status_code == 422
    assert "what reads it crashed (SIGSEGV)" in answer.text
