"""What pages load is there, in the package too, and everything else is escaped."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest

from tests.conftest import ROOT
from triptych.service.pages import rendering
from triptych.service.pages.rendering import Renderer
from triptych.service.params import PageParams

tomllib = pytest.importorskip("tomllib")  # Python 3.11
PAGES = Path(rendering.__file__).parent


def test_wheels_hold_templates_and_what_they_load() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["triptych"]
    files = [path for path in PAGES.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    names = [path.relative_to(PAGES.parents[1]).as_posix() for path in files]
    assert [name for name in names if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)] == []
    assert {"htmx.min.js", "htmx.LICENSE.txt", "base.html"} <= {path.name for path in files}


@pytest.mark.parametrize("path", ["/", "/pages/ask", "/pages/find", "/pages/stylize"])
def test_pages_hold_nothing_that_the_policy_forbids(client: httpx2.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", answer.text)
    loaded = re.findall(r'(?:src|<link[^>]* href)="([^"]*)"', answer.text)
    assert all(address.startswith("/") and not address.startswith("//") for address in loaded)
    for address in loaded:
        if address.startswith("/pages/static/"):
            file = client.get(address)
            assert file.status_code == 200
            assert "immutable" in file.headers["Cache-Control"]


def test_other_files_are_not_given(client: httpx2.Client) -> None:
    for name in ("htmx.LICENSE.txt", "..%2frouter.py", "nothing.js"):
        assert client.get(f"/pages/static/{name}").status_code == 404


def test_templates_escape_what_they_show() -> None:
    renderer = Renderer({"pages": PageParams()})
    shown = renderer.render("_photo.html", name="<b>'\"", problem="<script>x()</script>", drawn=None).body
    assert b"<script" not in shown
    assert b"<b>'" not in shown


@pytest.mark.parametrize("has_jobs", [True, False])
def test_a_page_asks_for_videos_only_where_they_become_jobs(has_jobs: bool) -> None:
    model = SimpleNamespace(status=SimpleNamespace(about={"styles": ["ink"]}, problem="", since=0.0))
    renderer = Renderer({"pages": PageParams(), "has_jobs": has_jobs})
    # As after a problem, without JavaScript.
    page = bytes(renderer.render("stylize.html", model=model, result="", recent=[]).body).decode()
    assert ("Drop a video or a picture here" in page) is has_jobs
    assert ("jobs are off here" in page) is not has_jobs
