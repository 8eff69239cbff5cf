"""The routes of jobs do what their description says, whatever they are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks
from starlette.testclient import TestClient

from tests.jobs.conftest import ask, work
from tests.service.conftest import TOKEN
from tests.service.jobs_process import make_job_settings, make_settings
from triptych.jobs.routes import create_jobs_router
from triptych.service.app import create_app

BEARER = {"Authorization": f"Bearer {TOKEN}"}
# Which pipelines and parameters there are, the description cannot say.
EXCLUDED: Any = [checks.negative_data_rejection, checks.positive_data_acceptance]


@pytest.fixture
def app(tmp_path: Path, project: Path) -> FastAPI:
    return create_app(make_settings(token=TOKEN), [create_jobs_router(make_job_settings(tmp_path))])


@pytest.fixture
def job_id(tmp_path: Path, app: FastAPI) -> str:
    """Give a job that has run, with a log and results."""
    line = "echo said; mkdir {results}/a; echo 42 > {results}/a/b.txt"
    job_settings = make_job_settings(tmp_path).replace(command=("/bin/sh", "-c", line))
    (job,) = ask(job_settings)
    work(job_settings)
    return job.id


@pytest.mark.slow
def test_whatever_is_asked_of_jobs_is_answered_as_described(app: FastAPI, job_id: str) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers=BEARER)
    found: Any = schema.get_all_operations()
    operations = [operation for result in found if (operation := result.ok()).path.startswith("/jobs")]
    assert len(operations) == 7

    def make_check() -> Any:
        def check(case: Any) -> None:
            case.call_and_validate(headers=BEARER, excluded_checks=EXCLUDED)
            if "job_id" in case.path_parameters:
                case.path_parameters["job_id"] = job_id
                case.call_and_validate(headers=BEARER, excluded_checks=EXCLUDED)

        return check

    few = settings(max_examples=8, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
    for operation in operations:
        # What has no body cannot be asked wrongly.
        for mode in GenerationMode if operation.method == "post" else [GenerationMode.POSITIVE]:
            given(case=operation.as_strategy(generation_mode=mode))(few(make_check()))()


@pytest.mark.parametrize(
    "body",
    [
        b'{"pipeline": NaN}',
        b'{"pipeline": "\\ud800"}',
        b'{"pipeline": "video", "\\ud800": 1}',
        b'{"pipeline": "video", "parameters": {"\\ud800": 1}}',
        b'{"pipeline": "video", "parameters": {"video_raw": Infinity}}',
        b'{"pipeline": "video", "environment": "\\udcff"}',
        b'{"pipeline": "video", "parameters": ' + b"[" * 20 + b"]" * 20 + b"}",
        b"\xff\xfe",
        b"1" * 5000,
        b'{"pipeline": "video", "parameters": {"video.style.strength": ' + b"1" * 5000 + b"}}",
    ],
)
def test_what_is_no_job_is_refused(app: FastAPI, body: bytes) -> None:
    client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
    answer = client.post("/jobs", content=body, headers={**BEARER, "Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text


def test_a_body_that_is_no_text_is_refused_as_described(app: FastAPI) -> None:
    client = TestClient(app, headers=BEARER)
    answer = client.post("/jobs", content=b"\xff", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "400" in app.openapi()["paths"]["/jobs"]["post"]["responses"]
