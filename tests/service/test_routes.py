"""What the service answers is what the models answer."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.service.conftest import QUESTION, encode_photo, encode_text
from tests.shelf.tiny import draw_photo

LOW = {"score_threshold": 0.06}


@pytest.fixture(scope="module")
def faq_model(model_folder: Path) -> Any:
    import mlflow

    return mlflow.pyfunc.load_model(str(model_folder))


@pytest.fixture(scope="module")
def shelf_model(shelf_folder: Path) -> Any:
    import mlflow

    return mlflow.pyfunc.load_model(str(shelf_folder))


def test_a_question_is_answered_as_by_the_model(client: TestClient, faq_model: Any) -> None:
    answer = client.post("/faq/ask", json={**QUESTION, "top_k": 2})
    assert answer.status_code == 200
    expected = faq_model.predict(pd.DataFrame([QUESTION]), params={"top_k": 2}).drop(columns="question_id")
    assert answer.json() == {"version": "faq-matcher 1", "matches": expected.to_dict("records")}


ROWS = [{"title": "topic3x topic3y", "question_id": 5}, {"title": "topic8z topic8x", "question_id": 6}]
COLUMNS = {name: [row[name] for row in ROWS] for name in ("title", "question_id")}
SPLIT = {"columns": ["title", "question_id"], "data": [list(row.values()) for row in ROWS]}


@pytest.mark.parametrize(
    ("form", "rows"),
    [("dataframe_records", ROWS), ("dataframe_split", SPLIT), ("instances", ROWS), ("inputs", COLUMNS)],
)
def test_every_form_of_mlflow_is_answered_as_by_its_own_server(
    client: TestClient, faq_model: Any, form: str, rows: Any
) -> None:
    from mlflow.pyfunc.scoring_server import invocations

    body = json.dumps({form: rows, "params": {"top_k": 1}})
    schema = faq_model.metadata.get_input_schema()
    expected = invocations(body, "application/json", faq_model, schema)  # type: ignore[no-untyped-call]
    answer = client.post("/faq/invocations", content=body, headers={"Content-Type": "application/json; charset=utf-8"})
    assert (answer.status_code, answer.json()) == (200, json.loads(expected.response))
    assert [row["original_id"] for row in answer.json()["predictions"]] == [1030, 1080]


def test_a_table_as_csv_is_answered(client: TestClient, faq_model: Any) -> None:
    table = pd.DataFrame(
        {"question_id": ["INC-1", "007"], "title": ["topic3x topic3y", None], "body": ["x", "topic8z"]}
    )
    answer = client.post("/faq/invocations", content=table.to_csv(index=False), headers={"Content-Type": "text/csv"})
    assert answer.json() == {"predictions": faq_model.predict(table).to_dict("records")}


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("text/csv", "", "no CSV"),
        ("application/json", "{", "no JSON"),
        ("application/json", "[1]", "must be a JSON object with one of dataframe_records"),
        ("application/json", "{}", "exactly one of the input fields"),
        ("application/json", '{"instances": [1, 2]}', ""),
        ("application/json", '{"inputs": [[1, 2]]}', ""),
        ("application/json", '{"inputs": {"title": ["a"], "body": ["b", "c"]}}', ""),
        ("application/json", '{"dataframe_records": [{"title": "a"}], "params": 3}', "params must be"),
        ("application/json", '{"dataframe_records": [{"title": "a"}], "params": {"top_k": 0}}', "top_k must be in"),
        ("application/json", '{"dataframe_records": [{"title": "a"}], "params": {"top_k": "many"}}', "top_k"),
        ("application/json", '{"dataframe_records": [{"question_id": 1}]}', "title or body is needed"),
        ("application/json", b'{"dataframe_records": [{"title": "\xff"}]}', "not in UTF-8"),
    ],
)
def test_wrong_invocations_are_refused_with_the_reason(
    client: TestClient, content_type: str, body: str | bytes, message: str
) -> None:
    answer = client.post("/faq/invocations", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 400
    assert message in answer.json()["message"]
    assert answer.json()["error_code"]


def test_half_a_character_is_no_fault_of_ours(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    asked = client.post("/faq/ask", content='{"title": "\\ud800 topic3x"}', headers=headers)
    assert asked.status_code == 422
    body = '{"dataframe_records": [{"title": "\\ud800 topic3x topic3y"}], "params": {"top_k": 1}}'
    invoked = client.post("/faq/invocations", content=body, headers=headers)
    assert invoked.json()["predictions"][0]["original_id"] == 1030


def test_a_photo_is_looked_at_as_by_the_model(client: TestClient, shelf_model: Any) -> None:
    photo = encode_photo(2)
    expected = shelf_model.predict(pd.DataFrame({"image": [photo]}), params=LOW).drop(columns="photo")
    rows = [{**row, "mask": json.loads(row["mask"])} for row in expected.to_dict("records")]
    assert rows
    as_file = client.post("/shelf/find", files={"photo": ("shelf.png", photo)}, data={"score_threshold": "0.06"})
    as_text = client.post("/shelf/find", json={"photo": encode_text(photo), **LOW})
    as_url = client.post("/shelf/find", json={"photo": f"data:image/png;base64,{encode_text(photo)}", **LOW})
    for answer in (as_file, as_text, as_url):
        assert (answer.status_code, answer.json()) == (200, {"version": "shelf-detector 1", "detections": rows})
    frame = {"dataframe_split": {"columns": ["image"], "data": [[encode_text(photo)]]}, "params": LOW}
    invoked = client.post("/shelf/invocations", json=frame).json()["predictions"]
    assert [row["x"] for row in invoked] == [row["x"] for row in rows]


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\photo.png", "<script>alert(1)</script>.png", "\N{SKULL}"])
def test_the_name_of_a_file_means_nothing(client: TestClient, name: str) -> None:
    answer = client.post("/shelf/find", files={"photo": (name, encode_photo())})
    assert answer.status_code == 200
    assert "passwd" not in answer.text
    assert "script" not in answer.text


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        ({"files": {"photo": ("p.png", b"no photo")}}, 400, "image 0: no photo in a format that is read"),
        ({"files": {"photo": ("p.png", b"")}}, 400, "image 0: empty file"),
        ({"files": {"picture": ("p.png", b"x")}}, 422, "Field required: a file"),
        ({"files": [("photo", ("p", b"x")), ("photo", ("q", b"y"))]}, 400, "Too many files"),
        ({"files": {"photo": ("p.png", b"x")}, "data": {"score_threshold": "1"}}, 422, "less than 1"),
        ({"files": {"photo": ("p.png", b"x")}, "data": {"other": "1"}}, 422, "Extra inputs"),
        ({"json": {"photo": "no text!"}}, 400, "photo is no base64 text"),
        ({"json": {"photo": 5}}, 422, "Field required: base64 text"),
        ({"json": {"photo": "", "score_threshold": "0.5"}}, 422, "valid number"),
        ({"json": []}, 422, "Field required"),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "boundary"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "no JSON"),
    ],
)
def test_wrong_photos_are_refused_with_the_reason(
    client: TestClient, request_: dict[str, Any], status: int, message: str
) -> None:
    answer = client.post("/shelf/find", **request_)
    assert answer.status_code == status
    assert message in answer.text


def test_a_frame_is_painted_as_by_the_network(client: TestClient, style_model: Path) -> None:
    from triptych.video.params import StyleParams
    from triptych.video.runtimes.making import create_painter

    assert client.get("/video/styles").json() == {"styles": ["painters2/dots", "painters2/ink", "style1"]}
    frame = np.asarray(draw_photo(3))
    painter = create_painter([(1.0, style_model)], frame.shape[:2], StyleParams(runtime="eager", batch_size=1))
    files = {"picture": ("frame.png", encode_photo(3))}
    answer = client.post("/video/frame", files=files, data={"style": "style1", "format": "png"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), painter.paint(frame[None])[0])
    ink = client.post("/video/frame", json={"picture": encode_text(encode_photo(3)), "style": "painters2/ink"})
    assert ink.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(ink.content)).size == draw_photo(3).size
    unknown = client.post("/video/frame", files=files, data={"style": "../style1"})
    assert (unknown.status_code, "there is no style '../style1'" in unknown.text) == (400, True)


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (2000, 3)])
def test_frames_of_any_shape_are_painted(client: TestClient, size: tuple[int, int]) -> None:
    file = io.BytesIO()
    Image.new("L", size, 90).save(file, "PNG")
    answer = client.post("/video/frame", files={"picture": file.getvalue()}, data={"style": "style1"})
    assert Image.open(io.BytesIO(answer.content)).size == size


def test_health_tells_what_answers(client: TestClient) -> None:
    assert client.get("/health/live").json() == {"status": "alive"}
    ready = client.get("/health/ready").json()
    assert ready["status"] == "ready"
    assert ready["models"]["faq"]["version"] == "faq-matcher 1"
    assert {model["problem"] for model in ready["models"].values()} == {""}
    assert client.get("/ping").status_code == 200
