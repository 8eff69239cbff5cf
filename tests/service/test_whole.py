"""`triptych serve` as it is started: it does what its description says, whatever it is asked, and ends when told to."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from fastapi import FastAPI, Request
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from tests.registry.servers import free_port
from tests.service.conftest import PARAMS, QUESTION, TOKEN, Registry, wait_until
from triptych.service.guards.answers import refuse
from triptych.service.params import ServiceParams, TimeoutParams
from triptych.service.server import make_server

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def started(
    registry: Registry, style_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, subprocess.Popen[bytes], Path]]:
    """Run the command with a token; gives its address, process and log."""
    port, log = free_port(), tmp_path_factory.mktemp("service") / "serve.log"
    options = ["--port", str(port), "--mlflow-uri", registry.uri, "--style-model", str(style_model)]
    command = [sys.executable, "-m", "triptych", "serve", *options, "--token-env", "SERVICE_SECRET"]
    environment = {**os.environ, "SERVICE_SECRET": TOKEN, "TMPDIR": str(log.parent)}
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_ready(address) or process.poll() is not None, 240)
        assert process.poll() is None, log.read_text()
        yield address, process, log
    finally:
        process.kill()
        process.wait()


def is_ready(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/health/ready").status_code == 200
    except httpx2.TransportError:
        return False


def test_whatever_is_asked_is_answered_as_described(started: Any) -> None:
    # Bytes that are no photo are refused, and the description cannot say which are one.
    excluded: Any = [checks.negative_data_rejection, checks.positive_data_acceptance]
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    schema = schemathesis.openapi.from_url(f"{started[0]}/openapi.json", headers=bearer)
    found: Any = schema.get_all_operations()
    operations = [result.ok() for result in found]
    assert len(operations) == 8

    def make_check() -> Any:
        def check(case: Any) -> None:
            case.call_and_validate(headers=bearer, excluded_checks=excluded)

        return check

    few = settings(max_examples=6, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
    for operation in operations:
        # What has no body cannot be asked wrongly.
        for mode in GenerationMode if operation.method == "post" else [GenerationMode.POSITIVE]:
            given(case=operation.as_strategy(generation_mode=mode))(few(make_check()))()


def test_it_answers_and_its_log_has_no_token(started: Any) -> None:
    address, _, log = started
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    answer = httpx2.post(f"{address}/faq/ask", json=QUESTION, headers=bearer)
    assert answer.json()["matches"][0]["original_id"] == 1030
    assert httpx2.post(f"{address}/faq/ask", json=QUESTION).status_code == 401
    assert "server" not in answer.headers
    assert "faq-matcher 1 answers" in log.read_text()
    assert TOKEN not in log.read_text()


def test_told_to_stop_it_ends_with_its_processes(started: Any) -> None:
    _, process, log = started
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        pytest.skip("needs Linux's list of a process's children")
    workers = [int(pid) for pid in children.read_text().split()]
    assert len(workers) == 3
    assert list(log.parent.glob("triptych-served-*"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert not list(log.parent.glob("triptych-served-*"))
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert "Traceback" not in log.read_text()


@contextmanager
def serving(app: Any, **timeouts: float) -> Iterator[ServiceParams]:
    params = PARAMS.replace(port=free_port(), timeouts=TimeoutParams(**timeouts))
    server = make_server(app, params)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield params
    finally:
        server.should_exit = True
        thread.join()


def test_a_head_that_has_no_end_is_not_waited_for() -> None:
    app = FastAPI()

    @app.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(0.6)
        return "answered"

    with serving(app, head_s=0.3) as params:
        for sent in (b"", b"GET / HTTP/1.1\r\nHost: a\r\nX: "):
            with socket.create_connection((params.host, params.port), timeout=10) as connection:
                connection.sendall(sent)
                assert connection.recv(100) == b""  # closed
        # The clock is for the head alone, of each request of a connection.
        with httpx2.Client(base_url=f"http://127.0.0.1:{params.port}") as client:
            assert [client.get("/slow").json() for _ in range(2)] == ["answered"] * 2


def refusing() -> Any:
    """An application that refuses every request to /refuse, whatever comes after its head."""
    app = FastAPI()

    @app.get("/next")
    async def answer_next() -> str:
        return "answered"

    async def refuse_or_pass(scope: Any, receive: Any, send: Any) -> None:
        passed = scope["type"] != "http" or scope["path"] != "/refuse"
        await (app if passed else refuse(413, "too large"))(scope, receive, send)

    return refuse_or_pass


def test_an_offer_of_another_protocol_is_passed_over() -> None:
    app = FastAPI()

    @app.post("/count")
    async def count(request: Request) -> int:
        return len(await request.body())

    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    head = b"POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n" + offer + b"\r\n"
    with serving(app) as params, socket.create_connection((params.host, params.port), timeout=20) as connection:
        for body in (b"\r\nupgrade: in a body", b"x" * 20):
            connection.sendall(head + body[:20])  # as Java's HttpClient sends it
            assert connection.recv(1000).endswith(b"20")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_who_still_sends_sees_why_that_is_refused(version: str) -> None:
    size = 20_000_000
    head = f"POST /refuse HTTP/{version}\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
    with serving(refusing()) as params, socket.create_connection((params.host, params.port), timeout=20) as connection:
        connection.sendall(head.encode() + b"x" * size)  # was a broken pipe
        answer = b"".join(iter(lambda: connection.recv(1000), b""))
    assert b" 413 " in answer.splitlines()[0]
    assert answer.endswith(b'{"detail":"too large"}')


def test_after_a_small_body_was_refused_the_connection_goes_on() -> None:
    with serving(refusing()) as params, socket.create_connection((params.host, params.port), timeout=20) as connection:
        connection.sendall(b"POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        assert b" 413 " in connection.recv(1000)
        connection.sendall(b"the body.GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert b"".join(iter(lambda: connection.recv(1000), b"")).endswith(b'"answered"')


def test_the_end_of_an_answered_body_is_not_waited_for() -> None:
    with serving(refusing(), head_s=0.3) as params:
        connection = socket.create_connection((params.host, params.port), timeout=20)
        connection.sendall(b"GET /next HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n")
        assert b" 200 " in connection.recv(1000)
        start = time.monotonic()
        with connection, suppress(OSError):  # it is closed, though there is always a bit more of the body
            while time.monotonic() < start + 10:
                connection.sendall(b"x")
                time.sleep(0.02)
        assert time.monotonic() - start < 5
