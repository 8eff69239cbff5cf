"""Figures of what is asked are logged when that is wanted, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path

from fastapi.testclient import TestClient

from tests.service.conftest import PARAMS, MakeSettings, encode_photo, encode_text, running
from triptych.drift.request_log import read_requests
from triptych.service.app import create_app

WRITTEN = "topic3x topic3y secretword"


def test_what_is_asked_is_logged_as_figures_only(make_settings: MakeSettings, tmp_path: Path) -> None:
    params = PARAMS.replace(log_requests=str(tmp_path / "asked"))
    with running(create_app(make_settings("faq", "shelf", params=params))) as client:
        ask(client)
    questions = read_requests(tmp_path / "asked" / "faq", 1)
    assert questions["characters"].tolist() == [len(WRITTEN), len("topic5x")]
    assert questions["unknown_words"].tolist()[1] == 0
    assert questions["no_match"].isin([True, False]).all()
    photos = read_requests(tmp_path / "asked" / "shelf", 1)
    assert len(photos) == 1
    assert 0 < photos["brightness"][0] < 1
    written = "".join(path.read_text() for path in tmp_path.rglob("*.jsonl"))
    assert "secretword" not in written
    for line in written.splitlines():
        assert not any(isinstance(value, str) for value in json.loads(line).values())


def ask(client: TestClient) -> None:
    rows = [{"title": WRITTEN}, {"title": "topic5x"}]
    answer = client.post("/faq/invocations", json={"dataframe_records": rows, "params": {"top_k": 2}})
    assert answer.status_code == 200, answer.text
    photo = {"image": encode_text(encode_photo())}
    for params in ({}, {"score_threshold": 0.99}):
        asked = {"dataframe_records": [photo], "params": params}
        assert client.post("/shelf/invocations", json=asked).status_code == 200


def test_a_log_that_cannot_be_written_loses_no_answer(make_settings: MakeSettings, tmp_path: Path) -> None:
    folder = tmp_path / "asked" / "faq"
    params = PARAMS.replace(log_requests=str(tmp_path / "asked"))
    with running(create_app(make_settings("faq", params=params))) as client:
        folder.rmdir()
        folder.write_text("in the way")
        answer = client.post("/faq/invocations", json={"dataframe_records": [{"title": "topic3x"}]})
    assert answer.status_code == 200
    assert answer.json()["predictions"]


def test_nothing_is_logged_unless_it_is_wanted(make_settings: MakeSettings) -> None:
    from triptych.service.sources import RegisteredSource

    assert RegisteredSource("faq", make_settings("faq"))._describe("model")["log"] is None
