"""A registered model loads where nothing else is loaded, and answers over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.registry.servers import free_port, serve
from tests.serving.conftest import EXAMPLE, REFERENCE
from triptych.faq.matcher import FaqMatcher
from triptych.registry import Decision, NewVersion, register
from triptych.serving.faq_export import save_faq_model

LOAD = """
import sys
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model("models:/faq-test/1")
asked = pd.DataFrame({"title": ["topic3x topic3y"], "body": ["<p>array <code>loop</code></p>"]})
print(model.predict(asked, params={"top_k": 2})["original_id"].tolist()[0])
print(sys.modules["triptych"].__file__)
print(sorted({"kedro", "plotly", "pandera", "torch"} & set(sys.modules)))
"""


@pytest.fixture
def registered(matcher: FaqMatcher, tmp_path: Path, restored: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """Register the matcher as models:/faq-test/1 in a database that child processes use too."""
    import mlflow

    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.set_experiment("registrations")  # MLflow keeps an earlier test's, which is none of this store

    def write(folder: Path) -> None:
        save_faq_model(matcher, EXAMPLE, folder, REFERENCE)

    record = register(NewVersion("faq-test", write, {}, {}, {}, {}, Decision(True, "first")))
    os.environ["MLFLOW_TRACKING_URI"] = mlflow.get_tracking_uri()
    return str(record["model_uri"])


def test_it_matches_in_a_fresh_process_with_the_source_it_was_saved_with(registered: str, tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", LOAD], cwd=tmp_path, capture_output=True, text=True, check=True)
    first, source, extras = run.stdout.split("\n")[:3]
    assert (first, extras) == ("1030", "[]")
    assert "/code/triptych/" in source


def ask(address: str, body: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/invocations", json.dumps(body).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return json.loads(response.read())


def test_mlflow_models_serve_answers_over_http(registered: str, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{(port := free_port())}"
    options = ["-m", registered, "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "mlflow", "models", "serve", *options]
    with serve(command, f"{address}/ping", tmp_path / "serve.log"):
        records = [{"title": "topic3x topic3y", "question_id": 5}, {"body": "<p>topic8z topic8x</p>", "question_id": 6}]
        found = ask(address, {"dataframe_records": records, "params": {"top_k": 1}})["predictions"]
        assert [(row["question_id"], row["original_id"]) for row in found] == [(5, 1030), (6, 1080)]
        with pytest.raises(urllib.error.HTTPError) as caught:
            ask(address, {"dataframe_records": records, "params": {"top_k": 0}})
        assert caught.value.code == 400
        assert "top_k must be in" in caught.value.read().decode()
