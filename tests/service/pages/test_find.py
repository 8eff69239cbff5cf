"""The page that finds, without a browser."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import httpx2
import pytest

from tests.service.conftest import encode_photo


def find(client: httpx2.Client, name: str, content: bytes) -> httpx2.Response:
    return client.post("/pages/find/photo", files={"photo": (name, content)})


def read_told(text: str) -> Any:
    (told,) = re.findall(r'data-photo="(.*?)"', text)
    return json.loads(html.unescape(told))


def test_a_photo_brings_all_that_the_slider_may_show(client: httpx2.Client) -> None:
    answer = find(client, "shelf.png", encode_photo(1))
    assert answer.status_code == 200
    told = read_told(answer.text)
    given = {"score_threshold": "0.05"}
    expected = client.post("/shelf/find", files={"photo": encode_photo(1)}, data=given).json()["detections"]
    assert (told["file_name"], told["width"], told["height"]) == ("shelf.png", 96, 64)
    assert [item["score"] for item in told["detections"]] == [item["score"] for item in expected]
    assert [item["segmentation"] for item in told["detections"]] == [item["mask"] for item in expected]
    assert answer.text.count("<path ") == len(expected) > 0


def test_the_page_starts_at_the_threshold_of_the_model(client: httpx2.Client) -> None:
    page = client.get("/pages/find").text
    assert 'value="0.10"' in page  # tests/shelf/tiny.py
    assert 'min="0.05"' in page


def test_a_script_in_a_file_name_stays_text(client: httpx2.Client) -> None:
    name = "<img src=x onerror='x()'>&\".png"
    for content in (encode_photo(2), b"no photo"):
        text = find(client, name, content).text
        assert "<img src=x" not in text
        assert "&lt;img src=x onerror=" in text
    assert read_told(find(client, name.replace('"', ""), encode_photo(2)).text)["file_name"] == name.replace('"', "")


@pytest.mark.parametrize(
    ("files", "status", "said"),
    [
        ({"photo": ("a.png", b"no photo")}, 400, "no photo in a format"),
        ({"photo": ("a.png", b"")}, 400, "empty"),
        ({"other": ("a.png", b"x")}, 422, "a photo is needed"),
    ],
)
def test_a_bad_photo_is_told_with_its_name(client: httpx2.Client, files: Any, status: int, said: str) -> None:
    answer = client.post("/pages/find/photo", files=files)
    assert answer.status_code == status
    assert said in answer.text
    assert "data-photo" not in answer.text
