"""score.py in Azure ML's own inference server: the status of whatever is asked.

Skipped unless TRIPTYCH_INFERENCE_SERVER names an environment that `python -m tests.deploy.inference_server` made.
"""

from __future__ import annotations

import base64
import io
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.deploy.inference_server import VARIABLE, serve_model
from tests.deploy.test_score import json_values, requests
from tests.serving.conftest import detector_folder, features, matcher, model_folder, shelf_folder, video_folder
from tests.shelf.tiny import draw_photo

__all__ = ["detector_folder", "features", "matcher", "model_folder", "shelf_folder", "video_folder"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.azure,
    pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no environment with the server"),
]
MOST_CHARACTERS = 300_000_000  # of score.py
DEEP = "[" * 100_000
BROKEN = """
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel


class Broken(PythonModel):
    def predict(self, context, model_input, params=None):
        raise ValueError("shapes do not match")


set_model(Broken())
"""


class Answer(NamedTuple):
    status: int
    body: Any


def python() -> Path:
    return Path(os.environ[VARIABLE]) / "bin/python"


def ask(address: str, body: bytes | str, kind: str = "application/json") -> Answer:
    data = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request(f"{address}/score", data, {"Content-Type": kind})  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return Answer(response.status, json.loads(response.read()))
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read().decode())


def to_text(photo: Image.Image) -> str:
    file = io.BytesIO()
    photo.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


QUESTION = {"title": "topic3x topic3y", "body": "<p>array</p>"}
PHOTO = {"image": to_text(draw_photo(1))}
RECORDS = {"faq": QUESTION, "shelf": PHOTO, "video": PHOTO}


@pytest.fixture(scope="module")
def faq(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_model(python(), model_folder, tmp_path_factory.mktemp("faq_server"), OMP_NUM_THREADS="1") as address:
        yield address


@pytest.fixture(scope="module")
def shelf(shelf_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_model(python(), shelf_folder, tmp_path_factory.mktemp("shelf_server"), OMP_NUM_THREADS="1") as address:
        yield address


@pytest.fixture(scope="module")
def video(video_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve_model(python(), video_folder, tmp_path_factory.mktemp("video_server"), OMP_NUM_THREADS="1") as address:
        yield address


@pytest.fixture
def workload(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Name and address."""
    return request.param, request.getfixturevalue(request.param)


each_server = pytest.mark.parametrize("workload", ["faq", "shelf", "video"], indirect=True)


def test_a_question_is_answered(faq: str) -> None:
    body = {"dataframe_records": [QUESTION], "params": {"top_k": 2}}
    answer = ask(faq, json.dumps(body))
    assert answer.status == 200
    assert [row["rank"] for row in answer.body["predictions"]] == [1, 2]


def test_a_photo_is_looked_at(shelf: str) -> None:
    body = {"dataframe_records": [PHOTO], "params": {"score_threshold": 0.06}}
    answer = ask(shelf, json.dumps(body))
    assert answer.status == 200
    assert {row["category"] for row in answer.body["predictions"]} == {"gap"}


def test_a_picture_is_painted(video: str) -> None:
    body = {"dataframe_records": [PHOTO], "params": {"style": "style2"}}
    answer = ask(video, json.dumps(body))
    assert answer.status == 200
    assert [(row["width"], row["height"]) for row in answer.body["predictions"]] == [(96, 64)]


@each_server
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"{", "Expecting property name"),
        (b"NaN", "must be a JSON object"),
        (DEEP.encode(), "levels deep"),
        (b'{"dataframe_records": [{"title": ' + DEEP.encode(), "levels deep"),
        (b"[]", "must be a JSON object"),
        (b"{}", "dataframe_records or dataframe_split"),
        (b'{"dataframe_records": []}', "at least one"),
        (b'{"dataframe_records": [{"nothing": 1}]}', ""),
        (b'{"dataframe_split": {"columns": ["a", "a"], "data": [[1, 2]]}}', "must differ"),
        (b'{"dataframe_records": [{"title": "a", "image": 7}], "params": {"top_k": "many", "style": 7}}', ""),
        (b"0" * 5_000_000, ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_request_is_refused_by_400(workload: tuple[str, str], body: bytes, words: str) -> None:
    answer = ask(workload[1], body)
    assert answer.status == 400
    assert words in answer.body


@each_server
def test_a_form_is_refused_by_400(workload: tuple[str, str]) -> None:
    assert ask(workload[1], b"title=a", "application/x-www-form-urlencoded").status == 400
    assert ask(workload[1], b"title", "text/plain").status == 400


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"image": "?"}, "image 0: no base64 text"),
        ({"image": 7}, "image 0: neither base64 text nor bytes"),
        ({"image": "A" * 28_000_000}, "more than 20000000"),
        ({"image": base64.b64encode(b"GIF89a" + bytes(100)).decode()}, "image 0: "),
    ],
    ids=["text", "number", "21 MB", "cut"],
)
@pytest.mark.parametrize("workload", ["shelf", "video"], indirect=True)
def test_what_is_no_picture_is_refused_by_400(workload: tuple[str, str], record: dict[str, Any], words: str) -> None:
    answer = ask(workload[1], json.dumps({"dataframe_records": [record]}))
    assert answer.status == 400
    assert words in answer.body


@pytest.mark.parametrize("workload", ["shelf", "video"], indirect=True)
def test_more_pixels_than_are_taken_are_refused_before_they_are_decoded(workload: tuple[str, str]) -> None:
    file = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(file, "PNG", optimize=False)
    body = {"dataframe_records": [{"image": base64.b64encode(file.getvalue()).decode()}]}
    answer = ask(workload[1], json.dumps(body))
    assert answer.status == 400
    assert "pixels" in answer.body


@pytest.mark.parametrize("column", ["title", "body"])
def test_a_huge_question_is_answered_or_refused(faq: str, column: str) -> None:
    body = {"dataframe_records": [{column: "<p>array loop " * 100_000}], "params": {"top_k": 1}}
    assert ask(faq, json.dumps(body)).status in (200, 400)


columns = st.dictionaries(st.sampled_from(["title", "body", "question_id", "image"]), json_values, min_size=1)
parameters = st.dictionaries(
    st.sampled_from(["top_k", "text_format", "score_threshold", "style", "strength", "scale", "format"]), json_values
)
well_formed = st.fixed_dictionaries(
    {"dataframe_records": st.lists(columns, min_size=1, max_size=3)}, optional={"params": parameters}
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=well_formed | requests | json_values)
@each_server
def test_whatever_is_asked_is_answered_or_refused(workload: tuple[str, str], body: Any) -> None:
    assert ask(workload[1], json.dumps(body)).status in (200, 400)


def test_what_is_too_long_is_refused_by_413(faq: str) -> None:
    assert ask(faq, b" " * (MOST_CHARACTERS + 1)).status == 413


@each_server
def test_several_ask_at_once(workload: tuple[str, str]) -> None:
    body = json.dumps({"dataframe_records": [RECORDS[workload[0]]]})
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(workload[1], body), range(16)))
    assert {answer.status for answer in answers} == {200}
    assert all(answer == answers[0] for answer in answers)


def test_a_fault_of_the_model_is_500(tmp_path: Path, restored: None) -> None:
    import mlflow.pyfunc

    (tmp_path / "broken.py").write_text(BROKEN, encoding="utf-8")
    mlflow.pyfunc.save_model(tmp_path / "model", python_model=str(tmp_path / "broken.py"))
    with serve_model(python(), tmp_path / "model", tmp_path / "server") as address:
        answer = ask(address, '{"dataframe_records": [{"title": "a"}]}')
    assert answer.status == 500
