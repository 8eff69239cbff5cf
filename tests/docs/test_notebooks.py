"""The notebooks run from top to bottom against a run, read the catalog only, and are committed without outputs."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def code_cells(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def run_cell(source: str, namespace: dict[str, Any]) -> Any:
    """Run a cell as Jupyter does: the value of a last expression is what the cell shows."""
    tree = ast.parse(source)
    last = tree.body[-1]
    if not isinstance(last, ast.Expr):
        exec(compile(tree, "<cell>", "exec"), namespace)  # noqa: S102 - our own notebook
        return None
    tree.body.pop()
    exec(compile(tree, "<cell>", "exec"), namespace)  # noqa: S102 - our own notebook
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)  # noqa: S307 - our own notebook


def run_notebook(path: Path, **parameters: Any) -> dict[str, Any]:
    """Run every cell, with the variables of the cell tagged `parameters` replaced; what each cell shows, by its id."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    shown: dict[str, Any] = {}
    for cell in code_cells(path):
        shown[cell["id"]] = run_cell("".join(cell["source"]), namespace)
        if "parameters" in cell["metadata"].get("tags", []):
            assert parameters.keys() <= namespace.keys()
            namespace.update(parameters)
    return shown


def run_on(name: str, data_root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run a notebook on the results of a run."""
    monkeypatch.chdir(ROOT / "notebooks")
    place = {"data_root": str(data_root), "mlflow_uri": f"sqlite:///{data_root.parent / 'mlflow.db'}"}
    return run_notebook(ROOT / f"notebooks/{name}.ipynb", runtime_params=place)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_is_committed_without_outputs(path: Path) -> None:
    for cell in code_cells(path):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_it_opens_no_file_but_through_the_catalog(path: Path) -> None:
    source = "\n".join("".join(cell["source"]) for cell in code_cells(path))
    names = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    calls = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    readers = {name for name in names if name.startswith(("read_", "open"))}
    assert not readers
    assert "open" not in calls


def test_faq_shows_the_report_and_answers_a_question(
    sample_run: Path, restored: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = run_on("faq", sample_run, monkeypatch)
    assert shown["data"].loc["clean.pairs", "value"] == 308
    assert shown["roles"].loc["test_unseen"].sum() > 0
    assert {trace.name for trace in shown["plot"].data} >= {"model", "bm25", "reference"}
    assert set(shown["advantage"]["test_set"]) == {"known", "unseen"}
    assert (shown["misses"]["rank"] > 1).all()
    assert shown["ask"]["rank"].tolist() == [1, 2, 3]
    assert "Why does Array.prototype.sort() put 10 before 9?" in shown["ask"]["title"].tolist()
    assert "</" in capsys.readouterr().out


def test_shelf_shows_the_report_and_looks_at_new_photos(
    shelf_run: Path, restored: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = run_on("shelf", shelf_run, monkeypatch)
    assert shown["data"].loc["photos", "value"] == shown["roles"].loc["photos"].sum() == 140
    assert shown["quarantine"].empty
    assert shown["training"].data
    assert shown["metrics"]["test.photos"] == shown["roles"].loc["photos", "test"]
    assert shown["curves"].data
    assert min(shown["overlays"].size) > 100
    assert shown["counts"]["missed"].is_monotonic_decreasing
    assert len(shown["ask"]) == 6
    assert list(shown["detections"]) == ["file_name", "category", "score", "bbox"]


def test_video_shows_the_report_and_paints_a_frame(
    video_run: Path, restored: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = run_on("video", video_run, monkeypatch)
    assert shown["videos"]["name"].tolist() == ["temple.mp4"]
    assert shown["videos"]["frames_out"].tolist() == shown["plan"]["frames"].tolist() == [150]
    assert shown["flicker"].loc["temple.mp4", "warping_error"] > 0
    assert shown["reasons"].empty
    assert shown["metrics"]["videos"] == 1
    assert min(shown["sheet"].size) > 100
    assert shown["plan"].loc[0, "segments"] == 13
    assert shown["runtime"].empty
    plain, half, full = np.split(np.asarray(shown["ask"], np.float64), 3, axis=1)
    assert abs(half - (plain + full) / 2).mean() < 1 < abs(full - plain).mean()
