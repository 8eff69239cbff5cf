"""A saved detector loads where nothing else is loaded, and answers over HTTP."""

from __future__ import annotations

import ast
import base64
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.registry.servers import free_port, serve
from tests.serving.test_shelf_model import encode, to_text
from tests.shelf.tiny import draw_photo
from triptych.serving.shelf_export import DISTRIBUTIONS
from triptych.serving.source_copy import UNPINNED

LOAD = """
import json, sys
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
found = model.predict(pd.DataFrame({"image": [sys.stdin.read()]}), params={"score_threshold": 0.06})
files = [module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] == "triptych"]
print(json.dumps([len(found), files, sorted(name for name in sys.modules if "." not in name)]))
"""


def imported_by(file: str) -> Iterator[str]:
    """Name the top-level packages that a module imports, anywhere in it."""
    for item in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
        if isinstance(item, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in item.names)
        elif isinstance(item, ast.ImportFrom) and item.module:
            yield item.module.partition(".")[0]


def test_it_detects_in_a_fresh_process_and_all_it_imports_is_pinned(shelf_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOAD, str(shelf_folder)]
    run = subprocess.run(
        command, cwd=tmp_path, input=to_text(draw_photo(1)), capture_output=True, text=True, check=True
    )
    count, files, loaded = json.loads(run.stdout)
    assert count > 0
    assert all(f"{shelf_folder}/code/triptych/" in file for file in files)
    assert not {"kedro", "plotly", "pandera", "lightgbm"} & set(loaded)
    # What is imported for types only is not loaded.
    names = {name for file in files for name in imported_by(file)} & set(loaded)
    known = packages_distributions()
    needed = [set(map(canonicalize_name, known[name])) for name in names if name in known and name != "triptych"]
    pinned = {canonicalize_name(name) for name in (*DISTRIBUTIONS, *(Requirement(line).name for line in UNPINNED))}
    assert [missing for missing in needed if not missing & pinned] == []
    assert {"torch", "torchvision", "pillow", "pycocotools"} <= set.union(*needed)


def ask(address: str, body: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/invocations", json.dumps(body).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        return json.loads(response.read())


def test_mlflow_models_serve_answers_over_http(shelf_folder: Path, tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{(port := free_port())}"
    options = ["-m", str(shelf_folder), "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "mlflow", "models", "serve", *options]
    with serve(command, f"{address}/ping", tmp_path / "serve.log"):
        records = [{"image": to_text(draw_photo(number))} for number in (1, 2)]
        params = {"score_threshold": 0.06}
        found = ask(address, {"dataframe_records": records, "params": params})["predictions"]
        assert {row["photo"] for row in found} == {0, 1}
        assert all(row["category"] == "gap" and row["width"] > 0 for row in found)
        cut = base64.b64encode(encode(draw_photo(1))[:900]).decode()
        for image, message in ((cut, "image 0: damaged"), ("?", "image 0: no base64 text"), (7, "image 0: neither")):
            with pytest.raises(urllib.error.HTTPError) as caught:
                ask(address, {"dataframe_records": [{"image": image}], "params": params})
            assert caught.value.code == 400
            assert message in caught.value.read().decode()
