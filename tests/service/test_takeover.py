"""Versions come and go, and processes end, while requests are answered."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from starlette.testclient import TestClient

from tests.service.conftest import PARAMS, QUESTION, MakeSettings, Registry, in_threads, running, wait_until
from triptych.service.app import create_app
from triptych.service.params import BatchParams, TimeoutParams
from triptych.service.served_model import ServedModel, Version
from triptych.service.takeover import Takeover
from triptych.service.telemetry import Telemetry

pytestmark = pytest.mark.slow
SLOW_MODEL = '''
import os, time
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

class Slow(PythonModel):
    """Waits as long as it is told to; ends its process where it is told to."""
    def predict(self, context, model_input, params=None):
        for text in model_input["body"]:
            if text == "die":
                os._exit(9)
            time.sleep(float(text or 0))
        rows = {"question_id": range(len(model_input)), "rank": 1, "title": list(model_input["title"])}
        return pd.DataFrame(rows)

set_model(Slow())
'''


@pytest.fixture(scope="session")
def slow_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that does what it is told, instead of a matcher."""
    import mlflow.pyfunc

    folder = tmp_path_factory.mktemp("slow")
    (folder / "slow_model.py").write_text(SLOW_MODEL)
    mlflow.pyfunc.save_model(folder / "model", python_model=str(folder / "slow_model.py"), pip_requirements=["mlflow"])
    return folder / "model"


@pytest.fixture
def slow(slow_folder: Path) -> Iterator[Any]:
    """Run a served model of it: asked by title and body, several at once."""
    with running_model(slow_folder) as served:
        yield served


class running_model:  # noqa: N801 - a context manager, used as one
    def __init__(self, folder: Path, answer_s: float = 2.0, **changes: Any) -> None:
        batch = BatchParams(max_requests=4, max_wait_ms=20, max_queue=6)
        self._params = PARAMS.replace(batch=batch, timeouts=TimeoutParams(answer_s=answer_s), **changes)
        self.model_spec = {"workload": "faq", "path": str(folder), "max_rows": 200, "max_joined_rows": 64}
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self) -> running_model:
        self._thread.start()

        async def start() -> ServedModel:
            model = ServedModel("faq", self._params, Telemetry())
            assert await model.take_over(Version("slow 1", self.model_spec))
            return model

        self.model = self.call(start())
        return self

    def call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def ask(self, *bodies: str) -> list[int]:
        """Ask at once; gives the status of each."""

        async def ask() -> list[int]:
            columns = [{"title": [f"title {place}"], "body": [body]} for place, body in enumerate(bodies)]
            jobs = [{"op": "rows", "columns": column, "params": None} for column in columns]
            answers = await asyncio.gather(*(self.model.submit(job) for job in jobs))
            for place, (status, _, body) in enumerate(answers):
                assert status != 200 or f"title {place}".encode() in body
            return [status for status, _, _ in answers]

        return list(self.call(ask()))

    async def submit_and_go(self, body: str) -> None:
        """Ask, and leave while it is computed."""
        answer = self.model.submit({"op": "rows", "columns": {"title": ["x"], "body": [body]}, "params": None})
        await asyncio.sleep(0.3)
        answer.cancel()

    def __exit__(self, *_: object) -> None:
        self.call(self.model.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


def test_processes_of_a_model_share_the_cores(slow_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("triptych.service.processes.count_cores", lambda: 6)
    with running_model(slow_folder, processes=2) as served:
        variables = [Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") for pid in served.model.pids]
    assert [b"OMP_NUM_THREADS=3" in found for found in variables] == [True, True]


def test_a_request_that_ends_the_process_loses_no_other(slow: Any) -> None:
    assert slow.ask("0", "die", "0") == [200, 503, 200]
    assert slow.ask("0") == [200]


def test_a_request_that_takes_too_long_is_ended(slow: Any) -> None:
    before = slow.model.pids
    assert slow.ask("60") == [504]
    assert slow.ask("0") == [200]
    assert slow.model.pids != before
    assert not is_running(before[0])


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_work_that_was_cancelled_before_it_began_is_not_done(slow: Any) -> None:
    async def ask() -> tuple[int, float]:
        start = time.monotonic()
        job = {"op": "rows", "columns": {"title": ["x"], "body": ["0.4"]}, "params": None}
        first = slow.model.submit(job)
        await asyncio.sleep(0.1)
        dropped = [slow.model.submit(job) for _ in range(3)]
        for answer in dropped:
            answer.cancel()
        await first
        last = slow.model.submit({**job, "columns": {"title": ["y"], "body": ["0"]}})
        return (await last)[0], time.monotonic() - start

    status, took = slow.call(ask())
    assert status == 200
    assert took < 1.2  # not .4 s more for each


def test_a_model_that_cannot_be_loaded_again_is_not_called_ready(slow_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(slow_folder, tmp_path / "model")
    with running_model(folder) as served:
        folder.rename(tmp_path / "gone")  # as what tidies /tmp does after ten days
        assert served.ask("die") == [503]
        wait_until(lambda: "cannot be loaded again" in served.model.status.problem)
        assert served.model.status.version is None
        (tmp_path / "gone").rename(folder)
        wait_until(lambda: served.model.status.version == "slow 1")
        assert served.model.status.problem == ""
        assert served.ask("0") == [200]
        folder.rename(tmp_path / "gone")
        served.ask("die")
        start = time.monotonic()
    assert time.monotonic() - start < 20  # told to stop, it does not try on


def test_what_waits_is_answered_though_its_process_cannot_be_loaded_again(slow_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(slow_folder, tmp_path / "model")
    with running_model(folder) as served:
        folder.rename(tmp_path / "gone")
        asking = threading.Thread(target=lambda: found.extend(served.ask("die", "0")))
        found: list[int] = []
        asking.start()
        wait_until(lambda: "cannot be loaded again" in served.model.status.problem)
        served.call(served.model.take_over(Version("slow 2", {**served.model_spec, "path": str(slow_folder)})))
        asking.join(20)
        assert found == [503, 503]
        assert served.ask("0") == [200]


def test_a_process_that_cannot_be_started_is_a_version_that_cannot_be_loaded(
    slow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.service.processes.sys.executable", "/none/python")
    assert not slow.call(slow.model.take_over(Version("slow 2", {})))
    assert "slow 2 cannot be loaded" in slow.model.status.problem
    assert slow.ask("0") == [200]
    assert slow.ask("die") == [503]
    wait_until(lambda: slow.model.status.version is None)
    monkeypatch.undo()
    wait_until(lambda: slow.model.status.version == "slow 1")
    assert slow.ask("0") == [200]


def test_told_to_stop_it_does_not_wait_for_what_nobody_waits_for(slow_folder: Path) -> None:
    with running_model(slow_folder, answer_s=60.0) as served:
        served.call(served.submit_and_go("50"))
        pid, start = served.model.pids[0], time.monotonic()
    assert time.monotonic() - start < 10
    assert not is_running(pid)


def test_a_killed_process_is_started_again(slow: Any) -> None:
    os.kill(slow.model.pids[0], signal.SIGKILL)
    assert slow.ask("0", "0") == [200, 200]


def test_a_full_queue_is_told_at_once(make_settings: MakeSettings, registry: Registry, slow_folder: Path) -> None:
    registry.add("slow", slow_folder)
    batch = BatchParams(max_requests=1, max_wait_ms=0, max_queue=2)
    settings = make_settings("faq", params=PARAMS.replace(batch=batch), models={"faq": "slow"})

    def ask(client: TestClient) -> tuple[int, str, float]:
        start = time.monotonic()
        rows = {"dataframe_records": [{"title": "x", "body": "0.5"}]}
        answer = client.post("/faq/invocations", json=rows)
        return answer.status_code, answer.headers.get("retry-after", ""), time.monotonic() - start

    with running(create_app(settings)) as client:
        found = in_threads(8, lambda _: ask(client))
        health = time.monotonic()
        assert client.get("/health/live").status_code == 200
        assert time.monotonic() - health < 0.5
    assert Counter(status for status, _, _ in found) == {200: 3, 503: 5}
    assert {retry for status, retry, _ in found if status == 503} == {"1"}
    assert max(took for status, _, took in found if status == 503) < 0.5


def test_a_new_version_is_taken_over_without_losing_a_request(
    make_settings: MakeSettings, registry: Registry, model_folder: Path, tmp_path: Path
) -> None:
    registry.add("moving", model_folder)
    settings = make_settings("faq", models={"faq": "moving"})
    stopped = threading.Event()
    seen: list[tuple[int, str]] = []

    def ask(client: TestClient) -> None:
        while not stopped.is_set():
            answer = client.post("/faq/ask", json=QUESTION)
            seen.append((answer.status_code, answer.json().get("version", answer.text)))

    with running(create_app(settings)) as client:
        model: ServedModel = client.app.state.models["faq"]  # type: ignore[attr-defined]
        before = model.pids
        askers = [threading.Thread(target=ask, args=(client,)) for _ in range(4)]
        for asker in askers:
            asker.start()
        try:
            broken = shutil.copytree(model_folder, tmp_path / "broken")
            (broken / "artifacts/matcher/ranker.json").write_text("{}")
            registry.add("moving", broken)
            wait_until(lambda: "moving 2 cannot be loaded" in client.get("/health/ready").text)
            ready = client.get("/health/ready")
            assert ready.status_code == 200
            assert "moving 1 goes on" in ready.json()["models"]["faq"]["problem"]
            registry.add("moving", model_folder)
            wait_until(lambda: model.status.version == "moving 3")
            wait_until(lambda: seen[-1][1] == "moving 3")
        finally:
            stopped.set()
            for asker in askers:
                asker.join()
        assert {status for status, _ in seen} == {200}
        assert {version for _, version in seen} == {"moving 1", "moving 3"}
        assert model.status.problem == ""
        wait_until(lambda: not is_running(before[0]))
        left = model.pids
    assert not any(map(is_running, left))


def test_without_a_promoted_version_it_says_what_to_do(make_settings: MakeSettings) -> None:
    app = create_app(make_settings("faq", models={"faq": "nobody"}))
    with TestClient(app, base_url="http://localhost") as client:
        told = "`kedro run --pipelines faq` trains, registers and promotes one"
        wait_until(lambda: told in client.get("/health/ready").text)
        assert client.get("/health/ready").status_code == 503
        answer = client.post("/faq/ask", json=QUESTION)
        assert (answer.status_code, told in answer.text) == (503, True)
        assert client.get("/ping").status_code == 404


def test_a_registry_that_cannot_be_asked_ends_nothing(make_settings: MakeSettings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    app = create_app(make_settings("faq", tracking_uri=f"sqlite:///{tmp_path}/file/mlflow.db"))
    with TestClient(app, base_url="http://localhost") as client:
        wait_until(lambda: "the registry cannot be asked" in client.get("/health/ready").text)
        assert client.get("/health/live").status_code == 200


def test_a_registry_that_never_answers_keeps_nobody_from_ending_it() -> None:
    begun, never = threading.Event(), threading.Event()

    class Silent:
        def find(self) -> str | None:
            begun.set()
            never.wait(60)
            return None

    async def live() -> None:
        model = ServedModel("faq", PARAMS, Telemetry())
        watching = asyncio.create_task(Takeover(model, cast(Any, Silent()), PARAMS).watch())
        while not begun.is_set():
            await asyncio.sleep(0.01)
        watching.cancel()

    start = time.monotonic()
    asyncio.run(live())  # which waits for threads of asyncio's own
    took = time.monotonic() - start
    never.set()
    assert took < 10


def test_a_problem_of_the_registry_is_over_when_it_answers() -> None:
    class Source:
        name: str | None = "faq 1"

        def find(self) -> str | None:
            if self.name == "broken":
                raise OSError("no route to it")
            return self.name

    source = Source()
    model = ServedModel("faq", PARAMS, Telemetry())
    model.status.version = "faq 1"
    takeover = Takeover(model, cast(Any, source), PARAMS)
    for name, problem in [("broken", "no route to it"), (None, ""), ("broken", "no route to it"), ("faq 1", "")]:
        source.name = name
        asyncio.run(takeover.look())
        assert (problem in model.status.problem, bool(model.status.problem)) == (True, bool(problem))


def test_a_fault_of_ours_does_not_end_the_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    async def live() -> int:
        looks = 0

        async def look(_: Any) -> None:
            nonlocal looks
            looks += 1
            raise RuntimeError("a fault")

        monkeypatch.setattr(Takeover, "look", look)
        model = ServedModel("faq", PARAMS, Telemetry())
        watching = asyncio.create_task(Takeover(model, cast(Any, None), PARAMS).watch())
        await asyncio.sleep(0.5)
        watching.cancel()
        return looks

    assert asyncio.run(live()) > 1


def test_after_each_version_memory_is_settled() -> None:
    class Source:
        def find(self) -> str:
            return "faq 1"

        def fetch(self, name: str) -> Version:
            return Version(name, {})

    class Taking(ServedModel):
        async def take_over(self, version: Version) -> bool:
            self.status.version = version.name
            return True

    settled: list[str] = []
    model = Taking("faq", PARAMS, Telemetry())
    takeover = Takeover(model, cast(Any, Source()), PARAMS, lambda: settled.append(str(model.status.version)))
    for _ in range(2):
        asyncio.run(takeover.look())
    assert settled == ["faq 1"]
