"""What `triptych azure watch` shows of a job, in a terminal, in a file and in a notebook."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError, ServiceRequestError
from mlflow.exceptions import MlflowException
from rich.console import Console

from triptych.azure.job_view import JobView, StepView
from triptych.azure.run_view import follow, to_table
from triptych.azure.watching import read_job, read_last_line

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=timezone.utc)
MS = int(NOW.timestamp() * 1000)


class Service:
    """Answers as the SDK does, of jobs that are told."""

    def __init__(self, steps: dict[str, Any], children: list[Any], state: str = "Running") -> None:
        self.job = SimpleNamespace(
            name="job1", display_name="shelf", status=state, studio_url="https://ml.azure.com/runs/job1", jobs=steps
        )
        self.children = children
        self.jobs = self
        self._runs_operations = self

    def get(self, name: str) -> Any:
        if name != "job1":
            raise ResourceNotFoundError(f"{name} is gone")
        return self.job

    def list(self, parent_job_name: str) -> list[Any]:
        return self.children

    def get_run_details(self, name: str) -> Any:
        logs = {
            "system_logs/x.txt": "no",
            "user_logs/std_log_process_01.txt": "second",
            "user_logs/std_log.txt": "first",
        }
        return SimpleNamespace(log_files=logs)


class Tracking:
    def get_run(self, name: str) -> Any:
        if name != "run1":
            raise MlflowException("no run yet")
        info = SimpleNamespace(start_time=MS - 3_723_000, end_time=None)
        return SimpleNamespace(info=info, data=SimpleNamespace(metrics={"ap": 0.51234, "loss": 1.5}))


class LogServer(ThreadingHTTPServer):
    """Answers as Azure's blob storage does: of ranges it knows `bytes=A-` and `bytes=A-B`, and passes over others."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), LogHandler)
        self.log, self.sent_bytes = b"", 0


class LogHandler(BaseHTTPRequestHandler):
    server: LogServer

    def do_GET(self) -> None:
        log = self.server.log
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if found is None:
            self.answer(200, log)
        elif int(found[1]) >= len(log):
            self.answer(416, b"InvalidRange")
        else:
            part = log[int(found[1]) : int(found[2] or len(log)) + 1]
            self.answer(206, part, {"Content-Range": f"bytes {found[1]}-{int(found[1]) + len(part) - 1}/{len(log)}"})

    def answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.server.sent_bytes += len(content)

    def log_message(self, *words: Any) -> None: ...


def step(title: str, cluster: str = "gpu-cluster", nodes: int = 2) -> Any:
    return SimpleNamespace(
        component=SimpleNamespace(display_name=title),
        compute=f"azureml:{cluster}",
        resources=SimpleNamespace(instance_count=nodes),
    )


def child(title: str, name: str, state: str) -> Any:
    return SimpleNamespace(display_name=title, name=name, status=state, compute=None)


def read(service: Service, name: str = "job1") -> JobView:
    return read_job(service, Tracking(), name, now=lambda: NOW, read_line=lambda address: f"epoch 3 of 10 ({address})")


def draw(job: JobView) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(to_table(job))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_a_step_at_work_and_one_that_waits() -> None:
    service = Service(
        {"a": step("shelf.train_detector"), "b": step("shelf.evaluate_detector", "cpu-cluster", 1)},
        [child("shelf.train_detector", "run1", "Running"), None],
    )
    job = read(service)
    trained, waiting = job.steps
    assert (trained.cluster, trained.nodes, trained.state) == ("gpu-cluster", 2, "Running")
    assert str(trained.duration) == "1:02:03"
    assert trained.progress == "epoch 3 of 10 (first)"
    assert trained.metrics == {"ap": 0.51234, "loss": 1.5}
    assert waiting == StepView("shelf.evaluate_detector", "Waiting", "cpu-cluster", 1)
    text = draw(job)
    for words in ("1:02:03", "ap 0.5123, loss 1.5", "epoch 3 of 10", "0 of 2 steps done", "ml.azure.com/runs/job1"):
        assert words in text


@pytest.fixture
def log_server() -> Iterator[LogServer]:
    with LogServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("début\n" * 500_000 + "epoch 1\repoch 2 é\n\n", "epoch 2 é"),
        ("only", "only"),
        ("", ""),
        ("x" * 5_000_000, "x" * 4096),
    ],
)
def test_of_a_huge_log_no_more_than_its_end_is_fetched(log_server: LogServer, log: str, line: str) -> None:
    log_server.log = log.encode()
    assert read_last_line(f"http://127.0.0.1:{log_server.server_address[1]}/log.txt?sig=secret") == line
    assert log_server.sent_bytes < 10_000


def test_a_queued_step_has_no_time_yet() -> None:
    (queued,) = read(Service({"a": step("x")}, [child("x", "run2", "Queued")])).steps
    assert (queued.state, queued.duration, queued.metrics) == ("Queued", None, {})


def test_the_newest_attempt_counts() -> None:
    again = [child("x", "run1", "Running"), child("x", "run0", "Failed")]
    assert [each.state for each in read(Service({"a": step("x")}, again)).steps] == ["Running"]


def test_a_job_that_does_not_exist_is_named() -> None:
    with pytest.raises(LookupError, match="there is no job it's gone in this workspace"):
        read(Service({}, []), "it's gone")


@pytest.mark.parametrize("state", ["Canceled", "Failed", "Completed"])
def test_an_empty_job_that_ended_is_shown_once(state: str) -> None:
    console = Console(file=io.StringIO(), width=120)
    job = follow(lambda: read(Service({}, [], state)), console, 60)
    assert job.ended
    assert f"shelf (job1): {state}, 0 of 0 steps done" in console.file.getvalue()  # type: ignore[attr-defined]


def test_what_is_no_terminal_gets_a_table_a_change() -> None:
    states = iter(["Running", "Running", "Completed"])
    console = Console(file=io.StringIO(), width=120)
    follow(lambda: read(Service({}, [], next(states))), console, 0)
    assert console.file.getvalue().count("steps done") == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("lost", [3, 30])
def test_a_lost_answer_does_not_end_it(lost: int) -> None:
    first: list[JobView | ServiceRequestError] = [JobView("job1", "shelf", "Running", "", ())]
    answers = iter([*first, *[ServiceRequestError("no network")] * lost])

    def ask() -> JobView:
        found = next(answers, JobView("job1", "shelf", "Completed", "", ()))
        if isinstance(found, ServiceRequestError):
            raise found
        return found

    console = Console(file=io.StringIO(), width=120)
    if lost > 10:
        with pytest.raises(ServiceRequestError):
            follow(ask, console, 0)
    else:
        assert follow(ask, console, 0).state == "Completed"


def test_a_terminal_gets_a_screen() -> None:
    states = iter(["Running", "Completed"])
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    assert follow(lambda: read(Service({}, [], next(states))), console, 0).state == "Completed"


def test_brackets_and_tags_are_nothing_but_text() -> None:
    job = JobView("j'1", "a [red]b[/]", "Running", "javascript:x", (StepView("<s>", "Running", progress="[/x] <b>"),))
    assert "a [red]b[/]" in draw(job)
    assert "[/x] <b>" in draw(job)
    text = job._repr_html_()
    assert "&lt;s&gt;" in text
    assert "[/x] &lt;b&gt;" in text
    assert "href" not in text
