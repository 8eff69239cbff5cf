"""Saved styles load where nothing else is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.serving.test_shelf_fresh_process import imported_by
from tests.serving.test_shelf_model import to_text
from tests.shelf.tiny import draw_photo
from triptych.serving.source_copy import UNPINNED
from triptych.serving.video_export import DISTRIBUTIONS

LOAD = """
import json, sys
import mlflow, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
found = model.predict(pd.DataFrame({"image": [sys.stdin.read()]}), params={"style": "style2", "strength": 1})
files = [module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] == "triptych"]
print(json.dumps([found["width"].tolist(), files, sorted(name for name in sys.modules if "." not in name)]))
"""


def test_it_paints_in_a_fresh_process_and_all_it_imports_is_pinned(video_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", LOAD, str(video_folder)]
    run = subprocess.run(
        command, cwd=tmp_path, input=to_text(draw_photo(1)), capture_output=True, text=True, check=True
    )
    widths, files, loaded = json.loads(run.stdout)
    assert widths == [96]
    assert all(f"{video_folder}/code/triptych/" in file for file in files)
    assert {"kedro", "plotly", "av", "torchvision", "lightgbm"} & set(loaded) == set()
    # What is imported for types only is not loaded.
    names = {name for file in files for name in imported_by(file)} & set(loaded)
    known = packages_distributions()
    needed = [set(map(canonicalize_name, known[name])) for name in names if name in known and name != "triptych"]
    pinned = {canonicalize_name(name) for name in (*DISTRIBUTIONS, *(Requirement(line).name for line in UNPINNED))}
    assert [missing for missing in needed if not missing & pinned] == []
    assert pinned <= set.union(*needed) | {"mlflow"}
