"""Jobs over HTTP, by a real server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from fastapi import FastAPI

from tests.jobs.conftest import MakeSettings, ask, wait_until, work
from triptych.jobs.routes import create_jobs_router
from triptych.jobs.settings import JobSettings

pytestmark = pytest.mark.usefixtures("project")


@contextmanager
def serving(settings: JobSettings) -> Iterator[str]:
    """Serve the routes and nothing else; give their address."""
    app = FastAPI()
    app.include_router(create_jobs_router(settings))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/jobs"
    finally:
        server.should_exit = True
        thread.join()


def post(address: str, body: Any, **headers: str) -> requests.Response:
    return requests.post(address, json=body, headers={"Idempotency-Key": "k"} | headers, timeout=20)


def get(address: str, **headers: str) -> requests.Response:
    return requests.get(address, headers=headers, timeout=20)


def test_a_job_from_its_request_to_its_results(make_settings: MakeSettings, tmp_path: Path) -> None:
    saying = "echo Completed 2 out of 5 tasks; echo last; "
    making = "mkdir {results}/a; echo 42 > '{results}/a/b c.txt'; ln -s /etc/passwd {results}/x"
    settings = make_settings(saying + making)
    with serving(settings) as address:
        answer = post(address, {"pipeline": "video", "parameters": {"video.style.strength": 0.5}})
        assert answer.status_code == 202
        name = answer.json()["id"]
        assert answer.headers["Location"] == f"/jobs/{name}"
        assert get(f"{address}/{name}").json()["state"] == "queued"
        assert get(f"{address}/{name}/log").text == ""
        work(settings)
        shown = get(f"{address}/{name}").json()
        assert (shown["state"], shown["exit_code"], shown["attempts"]) == ("completed", 0, 1)
        assert shown["progress"] == {"steps_done": 2, "steps": 5, "line": "last"}
        assert "progress" not in get(address).json()[0] or get(address).json()[0]["progress"] is None
        log = get(f"{address}/{name}/log?offset=10")
        assert log.text == "2 out of 5 tasks\nlast\n"
        assert log.headers["X-Next-Offset"] == "32"
        assert get(f"{address}/{name}/results").json() == ["a/b c.txt"]  # no links
        result = get(f"{address}/{name}/results/a/b%20c.txt")
        assert result.text == "42\n"
        assert result.headers["Content-Disposition"].startswith("attachment")
        for wrong in ("x", "a", "../attempt-1/log.txt", "..%2Fattempt-1%2Flog.txt", "%2Fetc%2Fpasswd", "a/none"):
            assert get(f"{address}/{name}/results/{wrong}").status_code == 404, wrong


def test_a_request_that_comes_again_is_one_job(make_settings: MakeSettings) -> None:
    with serving(make_settings()) as address:
        first = post(address, {"pipeline": "video"})
        again = post(address, {"pipeline": "video", "parameters": {}})
        other = post(address, {"pipeline": "faq"})
        new = post(address, {"pipeline": "video"}, **{"Idempotency-Key": "k2"})
    assert [each.status_code for each in (first, again, other, new)] == [202, 200, 409, 202]
    assert first.json()["id"] == again.json()["id"] != new.json()["id"]


def test_a_full_queue_says_try_later(make_settings: MakeSettings) -> None:
    settings = make_settings(most_queued=2)
    ask(settings, 2)
    with serving(settings) as address:
        answer = post(address, {"pipeline": "video"})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


def test_what_may_not_be_run_is_refused_with_its_reasons(make_settings: MakeSettings) -> None:
    with serving(make_settings()) as address:
        answer = post(address, {"pipeline": "video", "parameters": {"video_raw": "/etc", "mlflow_uri": "x"}})
        assert answer.status_code == 422
        assert "mlflow_uri: is not for jobs to set" in answer.json()["detail"]
        assert len(answer.json()["detail"]) > 1
        wrong: list[Any] = [{}, [], {"pipeline": 3}, {"pipeline": "video", "shell": "rm"}, {"pipeline": "a" * 200}]
        for body in wrong:
            assert post(address, body).status_code == 422, body
        assert post(address, {"pipeline": "video"}, **{"Idempotency-Key": "x" * 201}).status_code == 422
        assert get(address).json() == []


def test_names_from_outside_lead_nowhere(make_settings: MakeSettings) -> None:
    with serving(make_settings()) as address:
        assert get(f"{address}/20261129-101010-abcdef00").status_code == 404
        for wrong in ("..%2F..", "x", "%00", "a" * 65):
            assert get(f"{address}/{wrong}/log").status_code in (404, 422), wrong
        assert requests.post(f"{address}/20261129-101010-abcdef00/cancel", timeout=20).status_code == 404


def test_a_waiting_job_is_cancelled(make_settings: MakeSettings) -> None:
    settings = make_settings()
    (job,) = ask(settings)
    with serving(settings) as address:
        assert requests.post(f"{address}/{job.id}/cancel", timeout=20).json()["state"] == "cancelled"
        assert [each["id"] for each in get(f"{address}?state=cancelled").json()] == [job.id]
        assert get(f"{address}?state=queued").json() == []


def test_nobody_comes_in_without_the_token(make_settings: MakeSettings) -> None:
    settings = make_settings(token="s3sam-ö")  # noqa: S106
    (job,) = ask(settings)
    with serving(settings) as address:
        places = [address, f"{address}/{job.id}", f"{address}/{job.id}/log", f"{address}/{job.id}/results"]
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3sam"}, {"Authorization": ""}):
            assert {get(place, **given).status_code for place in places} == {401}
            assert post(address, {"pipeline": "video"}, **given).status_code == 401
        right = {"Authorization": "Bearer s3sam-ö".encode()}
        assert requests.get(address, headers=right, timeout=20).status_code == 200


def test_a_result_whose_name_is_no_text_can_be_had(make_settings: MakeSettings) -> None:
    settings = make_settings("printf x > $(printf '{results}/a\\377.txt'); printf y > '{results}/b.txt'")
    (job,) = ask(settings)
    work(settings)
    with serving(settings) as address:
        names = get(f"{address}/{job.id}/results").json()
        assert names == ["a\ufffd.txt", "b.txt"]
        result = get(f"{address}/{job.id}/results/{names[0]}")
        assert (result.status_code, result.text) == (200, "x")
