"""Who may ask, and how much."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from tests.service.conftest import PARAMS, QUESTION, TOKEN, MakeSettings, encode_photo
from triptych.service.app import create_app
from triptych.service.guards.bodies import BodyGuard, BodyRule
from triptych.service.guards.callers import read_token, split_host
from triptych.service.guards.json_shape import find_shape_problem
from triptych.service.params import LimitParams, TimeoutParams

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def idle(make_settings: MakeSettings) -> TestClient:
    """The service, not started: it has its guards, and no model."""
    return TestClient(create_app(make_settings("faq", "shelf", "video")), base_url="http://localhost:8000")


@pytest.fixture(scope="module")
def locked(make_settings: MakeSettings) -> TestClient:
    """The same with a token."""
    app = create_app(make_settings("faq", "shelf", token=TOKEN))
    return TestClient(app, base_url="http://shop.example:8000")


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8000", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:9", 200),
        ("[::1]:8000", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost@evil.example", 421),
        ("evil.example#localhost", 421),
        ("localhost:port", 421),
        ("", 421),
    ],
)
def test_only_loopback_is_known_by_its_names(idle: TestClient, host: str, status: int) -> None:
    assert idle.get("/health/live", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 503),  # let through: no model is loaded here
        ({"Origin": "http://localhost:8000"}, 503),
        ({"Sec-Fetch-Site": "same-origin"}, 503),
        ({"Origin": "http://localhost:8001"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_pages_of_other_origins_may_not_post(idle: TestClient, headers: dict[str, str], status: int) -> None:
    assert idle.post("/faq/ask", json=QUESTION, headers=headers).status_code == status
    form = {"photo": ("p.png", encode_photo())}  # what a page may send without asking first
    assert idle.post("/shelf/find", headers=headers, files=form).status_code == status


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer wrong", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Token {TOKEN}", 401),
        ("Basic !", 401),
        ("Basic " + base64.b64encode(b"me:wrong").decode(), 401),
        (f"Bearer {TOKEN}", 503),
        (f"bearer  {TOKEN}", 503),
        ("Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode(), 503),
    ],
)
def test_where_there_is_a_token_it_is_needed(locked: TestClient, authorization: str | None, status: int) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = locked.post("/faq/ask", json=QUESTION, headers=headers)
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) is (status == 401)
    assert TOKEN not in answer.text


def test_probes_need_no_token_and_are_told_no_more_than_yes_or_no(locked: TestClient) -> None:
    assert locked.get("/health/live").status_code == 200
    assert locked.get("/health/ready").json() == {"status": "not ready", "models": {}}
    known = locked.get("/health/ready", headers={"Authorization": f"Bearer {TOKEN}"})
    assert set(known.json()["models"]) == {"faq", "shelf"}
    assert locked.get("/openapi.json").status_code == 401


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_header_is_read(text: str) -> None:
    assert isinstance(read_token(text), bytes)
    assert isinstance(split_host(text), str)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/openapi.json", "/nothing"])
def test_head_is_answered_as_get(idle: TestClient, path: str) -> None:
    asked, had = idle.head(path), idle.get(path)
    assert (asked.status_code, asked.headers["content-length"]) == (had.status_code, had.headers["content-length"])


@pytest.mark.parametrize("path", ["/health/live", "/nothing", "/faq/ask"])
def test_every_answer_keeps_browsers_strict(idle: TestClient, path: str) -> None:
    headers = idle.get(path).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert not [name for name in headers if name.startswith("access-control")]


def send(idle: TestClient, body: Any, path: str = "/faq/ask", **headers: str) -> tuple[int, str]:
    answer = idle.post(path, content=body, headers={**JSON, **headers})
    return answer.status_code, answer.json()["detail"]


def test_oversized_bodies_are_refused(idle: TestClient) -> None:
    large = b" " * 4_000_001
    assert send(idle, large)[0] == 413
    assert send(idle, large[:-2] + b"}")[0] == 422  # that large it is read

    def come_in_parts() -> Iterator[bytes]:
        for _ in range(5):
            yield b" " * 1_000_000

    status, detail = send(idle, come_in_parts())  # without Content-Length
    assert (status, detail) == (413, "the body has more than 4000000 bytes: ask in parts")


def test_an_oversized_body_is_refused_before_its_rest_is_read_and_thrown_away() -> None:
    sent, read = guard(b" " * 1000, 1000, b"transfer-encoding", b"chunked")
    assert (sent[0]["status"], sent[0]["read"], read) == (413, 11, 1000)
    assert (b"connection", b"close") in sent[0]["headers"]
    sent, read = guard(b" " * 1000, 1000, b"content-length", b"1000000")
    assert (sent[0]["status"], sent[0]["read"], read) == (413, 0, 1000)
    assert (b"connection", b"close") not in sent[0]["headers"]  # small enough to be read for the next request's sake


def test_past_capacity_no_body_is_read_to_be_refused() -> None:
    sent, _ = guard(b" " * 1000, 5, b"content-length", b"5000", queues={"/faq/ask": lambda: "9 requests wait already"})
    assert (sent[0]["status"], sent[0]["read"]) == (503, 0)
    assert (b"retry-after", b"1") in sent[0]["headers"]
    assert b"9 requests wait already" in sent[1]["body"]


def guard(part: bytes, parts: int, *header: bytes, **settings: Any) -> tuple[list[Any], int]:
    """Send a body in parts; gives the answer's messages, each with how many parts had been read, and that at last."""
    sent: list[Any] = []
    read = 0

    async def ask() -> None:
        async def receive() -> dict[str, Any]:
            nonlocal read
            read += 1
            return {"type": "http.request", "body": part, "more_body": read < parts}

        async def send(message: Any) -> None:
            sent.append({**message, "read": read})

        headers = [(b"content-type", b"application/json"), (header[0], header[1])]
        scope = {"type": "http", "method": "POST", "path": "/faq/ask", "headers": headers}
        rule = BodyRule("/faq/", 10_000, ("application/json",))
        await BodyGuard(FastAPI(), [rule], LimitParams(), TimeoutParams(), **settings)(scope, receive, send)

    asyncio.run(ask())
    return sent, read


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
        ({"Content-Type": "application/json; charset=latin-1"}, 415),
        ({"Content-Type": "application/json; charset=UTF-8"}, 503),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Length": "many"}, 400),
        ({"Content-Length": "99999999999"}, 413),
    ],
)
def test_bodies_of_other_types_are_refused(idle: TestClient, headers: dict[str, str], status: int) -> None:
    body = gzip.compress(b" " * 10_000_000) if "Content-Encoding" in headers else json.dumps(QUESTION).encode()
    assert send(idle, body, **headers)[0] == status


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[" * 17 + "]" * 17, "nested more than 16 levels deep"),
        ("[" * 1_000_000, "nested more than 16 levels deep"),
        ('{"a":' * 20 + "1" + "}" * 20, "nested more than 16 levels deep"),
        ("[" + "1," * 100_001 + "1]", "more than 100000 values"),
        ("[" + "[]," * 60_000 + "1]", "more than 100000 values"),
    ],
)
@pytest.mark.parametrize("path", ["/faq/ask", "/faq/invocations", "/shelf/find", "/video/frame"])
def test_deep_and_rambling_json_is_refused(idle: TestClient, path: str, body: str, message: str) -> None:
    status, detail = send(idle, body, path)
    assert status == 400
    assert message in detail


def measure_depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(measure_depth, value), default=0) if isinstance(value, list) else 0


values = st.recursive(
    st.none() | st.integers() | st.text('[]{}\\",a\n', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[{"', max_size=3), inner, max_size=3),
    max_leaves=20,
)


@given(values, st.integers(0, 6))
def test_depth_is_that_of_the_parsed_value(value: Any, limit: int) -> None:
    problem = find_shape_problem(json.dumps(value, ensure_ascii=False).encode(), limit, 10_000)
    assert bool(problem) is (measure_depth(value) > limit)


@given(st.binary(max_size=50) | st.text('[]{}\\",', max_size=50).map(str.encode))
def test_any_bytes_are_looked_at(body: bytes) -> None:
    find_shape_problem(body, 3, 10)


def test_photos_as_text_are_passed_over_quickly() -> None:
    import time

    body = b'{"photo": "' + b"A" * 50_000_000 + b'"}'
    start = time.process_time()
    assert find_shape_problem(body, 4, 10) == ""
    assert find_shape_problem(body[:-2], 4, 10) == ""  # without its end
    assert time.process_time() - start < 3


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    sent: list[Any] = []

    async def ask() -> None:
        async def receive() -> Any:
            await asyncio.sleep(60)

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"content-type", b"application/json"), (b"content-length", b"5")]
        scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
        await BodyGuard(FastAPI(), [], LimitParams(), TimeoutParams(body_s=0.05))(scope, receive, send)

    asyncio.run(ask())
    assert sent[0]["status"] == 408


def test_bodies_of_all_requests_together_are_limited(make_settings: MakeSettings) -> None:
    params = PARAMS.replace(limits=LimitParams(max_held_mb=0.001))
    client = TestClient(create_app(make_settings("faq", params=params)), base_url="http://localhost")
    answer = client.post("/faq/ask", json={"title": "x" * 2000})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert client.post("/faq/ask", content=b"", headers=JSON).status_code == 422  # what was held is let go


def test_a_route_of_others_may_read_as_it_comes(make_settings: MakeSettings) -> None:
    router = APIRouter()

    @router.post("/upload")
    async def upload(request: Request) -> int:
        return sum([len(part) async for part in request.stream()])

    rule = BodyRule("/upload", 100, ("video/mp4",), is_held=False)
    app = create_app(make_settings("faq"), [router], [rule])
    client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
    video = {"Content-Type": "video/mp4"}
    assert client.post("/upload", content=b"x" * 100, headers=video).json() == 100
    assert client.post("/upload", content=b"x" * 101, headers=video).status_code == 413
    assert client.post("/upload", content=iter([b"x" * 60] * 2), headers=video).status_code == 413
    assert client.post("/upload", content=b"x", headers=JSON).status_code == 415


@pytest.mark.parametrize("parts", [10, 1])
def test_a_caller_that_goes_within_an_upload_is_no_fault_of_ours(parts: int) -> None:
    async def route(_: Any, receive: Any, __: Any) -> None:
        request = Request({"type": "http", "method": "POST", "headers": []}, receive)
        async for _ in request.stream():
            pass

    sent: list[Any] = []

    async def ask() -> None:
        messages = [{"type": "http.request", "body": b"x" * 60, "more_body": True}] * parts
        messages.append({"type": "http.disconnect"})

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        rule = BodyRule("/upload", 100, ("video/mp4",), is_held=False)
        headers = [(b"content-type", b"video/mp4"), (b"transfer-encoding", b"chunked")]
        scope = {"type": "http", "method": "POST", "path": "/upload", "headers": headers}
        await BodyGuard(route, [rule], LimitParams(), TimeoutParams())(scope, receive, send)

    asyncio.run(ask())
    assert [message["status"] for message in sent if "status" in message] == ([413] if parts == 10 else [])


def make_bomb(side: int) -> bytes:
    file = io.BytesIO()
    Image.new("1", (side, side)).save(file, "PNG")
    return file.getvalue()


def test_bombs_are_refused(client: TestClient) -> None:
    one = client.post("/shelf/find", files={"photo": make_bomb(8000)})
    assert (one.status_code, "64000000 pixels, more than" in one.text) == (400, True)
    images = [[base64.b64encode(make_bomb(7000)).decode()]] * 64
    many = client.post("/shelf/invocations", json={"dataframe_split": {"columns": ["image"], "data": images}})
    assert (many.status_code, "pixels, more than 200000000 a request" in many.text) == (400, True)
    frame = client.post("/video/frame", files={"picture": make_bomb(3000)}, data={"style": "style1"})
    assert (frame.status_code, "more than max_pixels=8900000" in frame.text) == (400, True)


def test_too_many_rows_are_refused(client: TestClient) -> None:
    answer = client.post("/faq/invocations", json={"dataframe_records": [{"title": "x"}] * 5000})
    assert (answer.status_code, "5000 rows, more than 200 a request" in answer.text) == (400, True)


def test_a_script_in_a_question_is_text(client: TestClient) -> None:
    script = "<script>alert(document.cookie)</script>"
    for body in ({"title": script}, {"title": "x", "text_format": script}, {script: 1}):
        answer = client.post("/faq/ask", json=body)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert script not in client.post("/faq/ask", json={"title": script}).text
