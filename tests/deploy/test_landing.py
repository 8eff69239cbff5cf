"""The function that looks into a closed landing zone: one run at a time, nothing lost, nothing started for nothing."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.deploy.conftest import DEPLOY

FOLDER = DEPLOY / "trigger"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("deployed_landing", FOLDER / "landing.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


landing = load()


class Service:
    """Runs that last until they are told to end, each with what lay in the container when it began."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.taken: set[str] = set()
        self.files: dict[str, str] = {}
        self.closed = False

    def start(self) -> str:
        if self.closed:
            raise ConnectionError("503")
        assert "Running" not in self.states.values(), "two runs at once would work on the same files"
        name = f"job{len(self.states)}"
        self.states[name] = "Running"
        self.taken |= {f"{name}{etag}" for name, etag in self.files.items()}
        return name

    def look(self, job: str) -> str:
        return self.states[job]


class Blob:
    """Stands for the blob with the memory."""

    def __init__(self) -> None:
        self.content: str | None = None

    def exists(self) -> bool:
        return self.content is not None

    def download_blob(self) -> Blob:
        return self

    def readall(self) -> bytes:
        assert self.content is not None
        return self.content.encode()

    def upload_blob(self, content: str, overwrite: bool) -> None:
        assert overwrite
        self.content = content


class Landings(RuleBasedStateMachine):
    """Files land, the clock turns, runs end one way or the other, and the service is away for a while."""

    @initialize()
    def begin(self) -> None:
        self.service, self.kept, self.count = Service(), Blob(), 0

    @rule()
    def land(self) -> None:
        self.count += 1
        self.service.files[f"{self.count % 3}.mp4"] = str(self.count)

    @rule()
    def turn(self) -> None:
        ended = [state for state in self.service.states.values() if state != "Running"]
        try:
            landing.look_and_keep(lambda: list(self.service.files.items()), self.kept, self.service)
        except (ConnectionError, landing.RunFailedError):
            assert self.service.closed or "Failed" in ended

    @rule()
    def end_well(self) -> None:
        self._end("Completed")

    @rule()
    def end_badly(self) -> None:
        self._end("Failed")

    def _end(self, state: str) -> None:
        self.service.states = {job: state if was == "Running" else was for job, was in self.service.states.items()}

    @rule()
    def close_or_open(self) -> None:
        self.service.closed = not self.service.closed

    @invariant()
    def what_landed_is_taken_when_the_clock_turns_often_enough(self) -> None:
        if not hasattr(self, "service") or self.service.closed:
            return
        service, kept = self.service, Blob()
        kept.content = self.kept.content
        states, taken = dict(service.states), set(service.taken)
        for _ in range(3):
            self._end("Completed")
            try:
                landing.look_and_keep(lambda: list(service.files.items()), kept, service)
            except landing.RunFailedError:
                continue
        assert {f"{name}{etag}" for name, etag in service.files.items()} <= service.taken
        runs = len(service.states)
        self._end("Completed")
        landing.look_and_keep(lambda: list(service.files.items()), kept, service)
        landing.look_and_keep(lambda: list(service.files.items()), kept, service)
        assert len(service.states) == runs, "nothing landed, and a run began"
        service.states, service.taken = states, taken


TestLandings = Landings.TestCase
TestLandings.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)


def test_a_failed_run_is_told_once() -> None:
    service, kept = Service(), Blob()
    service.files["a.mp4"] = "1"
    files = lambda: list(service.files.items())  # noqa: E731
    landing.look_and_keep(files, kept, service)
    service.states["job0"] = "Failed"
    with pytest.raises(landing.RunFailedError, match="run job0 of video ended as Failed"):
        landing.look_and_keep(files, kept, service)
    landing.look_and_keep(files, kept, service)
    assert list(service.states) == ["job0"]


class Handler(BaseHTTPRequestHandler):
    asked: list[tuple[str, str, str, Any]] = []  # noqa: RUF012 - emptied by the fixture

    def answer(self, body: Any) -> None:
        Handler.asked.append((self.command, self.path, self.headers["Authorization"], body))
        self.send_response(404 if self.path.endswith("gone") else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"name": "job7", "status": "Running"}).encode())

    def do_GET(self) -> None:
        self.answer(None)

    def do_POST(self) -> None:
        self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    Handler.asked.clear()
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_the_endpoint_is_asked_as_the_workflow_asks_it(address: str) -> None:
    endpoint = landing.BatchEndpoint(f"{address}/jobs", f"{address}/history", lambda: "token")
    assert (endpoint.start(), endpoint.look("job7")) == ("job7", "Running")
    workflow = json.loads((DEPLOY / "infra/landing-workflow.json").read_text(encoding="utf-8"))
    sent = workflow["actions"]["If_something_landed"]["actions"]["Start_video"]["inputs"]["body"]
    assert Handler.asked == [
        ("POST", "/jobs", "Bearer token", sent),
        ("GET", "/history/runs/job7", "Bearer token", None),
    ]


def test_a_run_whose_history_was_deleted_is_told_once_and_not_waited_for(address: str) -> None:
    endpoint = landing.BatchEndpoint(f"{address}/jobs", f"{address}/history", lambda: "token")
    memory = landing.Memory(seen="what lay there", job="gone")
    with pytest.raises(landing.RunFailedError, match="run gone of video ended as NotFound"):
        landing.look(lambda: [("a.mp4", "1")], memory, endpoint)
    assert landing.look(lambda: [("a.mp4", "1")], memory, endpoint)
    assert memory.job == "job7"


def test_an_endpoint_that_is_gone_is_no_run(address: str) -> None:
    import requests

    with pytest.raises(requests.HTTPError):
        landing.BatchEndpoint(f"{address}/gone", f"{address}/history", lambda: "token").start()


def test_every_variable_is_one_of_the_app() -> None:
    import re

    code = (FOLDER / "landing.py").read_text() + (FOLDER / "function_app.py").read_text()
    named = set(re.findall(r'environ\["(\w+)"\]', code)) | set(re.findall(r"%(\w+)%", code))
    given = set(re.findall(r"name: '([A-Z_]+)'", (DEPLOY / "infra/function.bicep").read_text(encoding="utf-8")))
    assert named == given
