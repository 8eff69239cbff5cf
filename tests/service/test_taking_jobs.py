"""Jobs behind the guards of the service; kill -9 of it loses none and runs none twice."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from starlette.testclient import TestClient

from tests.conftest import ROOT
from tests.service import jobs_process
from tests.service.conftest import TOKEN, wait_until
from tests.service.jobs_process import make_job_settings, make_settings
from triptych.service.app import create_app
from triptych.service.taking_jobs import taking_jobs


@pytest.mark.usefixtures("project")
def test_jobs_stand_behind_the_guards(tmp_path: Path) -> None:
    job = {"pipeline": "video"}
    with taking_jobs(make_job_settings(tmp_path)) as router:
        app = create_app(make_settings(token=TOKEN), [router])
        client = TestClient(app, base_url="http://localhost:8000")
        known = {"Authorization": f"Bearer {TOKEN}"}
        assert client.post("/jobs", json=job).status_code == 401
        assert client.post("/jobs", json=job, headers=known | {"Origin": "http://evil.example"}).status_code == 403
        assert client.post("/jobs", content="pipeline=video", headers=known).status_code == 415
        deep = '{"pipeline": "video", "parameters": ' + '{"a":' * 5000 + "1" + "}" * 5001
        assert (
            client.post("/jobs", content=deep, headers=known | {"Content-Type": "application/json"}).status_code == 400
        )
        large = {"pipeline": "video", "parameters": {"video_retry": "x" * 2_000_000}}
        assert client.post("/jobs", json=large, headers=known).status_code == 413
        taken = client.post("/jobs", json=job, headers=known)
        assert taken.status_code == 202
        place = taken.headers["Location"]
        wait_until(lambda: client.get(place, headers=known).json()["state"] == "completed")


@pytest.mark.slow
def test_ten_jobs_run_once_each_although_the_service_is_killed(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"

    def start() -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
        service = subprocess.Popen([sys.executable, jobs_process.__file__, str(tmp_path), str(port)], env=environment)
        wait_until(lambda: answers(address))
        return service

    service = start()
    try:
        names = [ask(address) for _ in range(10)]
        service.send_signal(signal.SIGKILL)
        service.wait()
        service = start()
        assert sorted(name for name, _ in list_states(address)) == sorted(names)
        wait_until(lambda: {state for _, state in list_states(address)} == {"completed"})
    finally:
        service.kill()
        service.wait()
    lines = (tmp_path / "ledger").read_text().splitlines()
    assert sorted(lines) == sorted(f"{word} {name}" for word in ("begin", "end") for name in names)


def answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/health/live", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def ask(address: str) -> str:
    return str(requests.post(f"{address}/jobs", json={"pipeline": "video"}, timeout=60).json()["id"])


def list_states(address: str) -> list[tuple[str, str]]:
    return [(job["id"], job["state"]) for job in requests.get(f"{address}/jobs", timeout=20).json()]
