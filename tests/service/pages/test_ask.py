"""The page that asks, without a browser."""

from __future__ import annotations

import re

import httpx2
import pytest

from tests.service.conftest import QUESTION
from tests.service.pages.conftest import HTMX


def test_the_page_shows_what_the_route_gives(client: httpx2.Client) -> None:
    told = client.post("/faq/ask", json={**QUESTION, "top_k": 3}).json()["matches"]
    page = client.post("/pages/ask", data={**QUESTION, "top_k": "3"})
    assert page.status_code == 200
    titles = re.findall(r'<h3 dir="auto">(.*?)</h3>', page.text)
    assert [re.sub(r"</?mark>", "", title) for title in titles] == [match["title"] for match in told]
    assert re.findall(r'badge">(.*?)<', page.text) == [match["verdict"] for match in told]
    shown = [float(value) for value in re.findall(r'<meter[^>]*value="(.*?)"', page.text)]
    assert shown == [match["probability"] for match in told]
    assert "<mark>topic3x</mark>" in page.text


def test_htmx_gets_the_matches_only(client: httpx2.Client) -> None:
    part = client.post("/pages/ask", data=QUESTION, headers=HTMX).text
    assert "<mark>" in part
    assert "<html" not in part


def test_no_match_is_said_plainly(client: httpx2.Client) -> None:
    part = client.post("/pages/ask", data={"title": "zeppelin"}, headers=HTMX)
    assert part.status_code == 200
    assert "<h2>No match</h2>" in part.text


def test_a_script_in_a_question_stays_text(client: httpx2.Client) -> None:
    page = client.post("/pages/ask", data={"title": '"><script>x()</script>', "body": "</textarea><script>x()"})
    assert page.status_code == 200
    assert "<script>x()" not in page.text
    assert "&lt;script&gt;x()" in page.text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"title": " "}, "Type a question"),
        ({"title": "x", "top_k": "many"}, "top_k"),
        ({"title": "x", "top_k": "0"}, "top_k"),
        ({"title": "x" * 100_001}, "title"),
    ],
)
def test_what_is_wrong_is_said(client: httpx2.Client, form: dict[str, str], said: str) -> None:
    answer = client.post("/pages/ask", data=form, headers=HTMX)
    assert answer.status_code == 422
    assert said in answer.text
