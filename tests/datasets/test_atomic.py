"""A local file appears whole or not at all; everything else is Kedro's."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest
from kedro.io import DatasetError, Version
from kedro_viz.models.flowchart.node_metadata import DataNodeMetadata
from kedro_viz.models.flowchart.nodes import DataNode

import triptych.datasets as datasets
from triptych.datasets.atomic import AtomicSave

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
FIGURE = go.Figure(go.Bar(x=["a"], y=[1]))
CASES = {
    "CSVDataset": FRAME,
    "JSONDataset": {"a": [1, None]},
    "ParquetDataset": FRAME,
    "PlotlyDataset": FIGURE,
    "TextDataset": "text\n",
}
ALL = pytest.mark.parametrize(("name", "data"), CASES.items())


def make(name: str, path: Path | str, **options: Any) -> Any:
    return getattr(datasets, name)(filepath=str(path), **options)


def same(left: Any, right: Any) -> bool:
    return left.equals(right) if isinstance(left, pd.DataFrame) else left == right


@ALL
def test_what_is_saved_is_loaded_and_nothing_else_stays(name: str, data: Any, tmp_path: Path) -> None:
    dataset = make(name, tmp_path / "deep" / "file")
    assert not dataset.exists()
    dataset.save(data)
    dataset.save(data)
    assert dataset.exists()
    assert same(dataset.load(), data)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["file"]


@ALL
def test_a_failed_save_leaves_the_old_file(
    name: str, data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make(name, tmp_path / "file")
    dataset.save(data)
    parent = type(dataset).__mro__[2]

    def half(self: Any, data: Any) -> None:
        Path(str(self._filepath)).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(parent, "save", half)
    with pytest.raises(KeyboardInterrupt):
        dataset.save(data)
    assert same(dataset.load(), data)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "large_disk.json").write_text("{}")
    (tmp_path / "link.json").symlink_to(tmp_path / "large_disk.json")
    make("JSONDataset", tmp_path / "link.json").save({"a": 1})
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "large_disk.json").read_text()) == {"a": 1}
    assert len(list(tmp_path.iterdir())) == 2


@ALL
def test_a_killed_save_leaves_no_file_under_the_name(
    name: str, data: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make(name, tmp_path / "file")
    monkeypatch.setattr("os.replace", lambda *_: pytest.fail("no rename before the data is written"))
    with pytest.raises(DatasetError):
        dataset.save(object() if name != "TextDataset" else 3)
    assert not dataset.exists()
    assert list(tmp_path.iterdir()) == []


@ALL
def test_versions_work(name: str, data: Any, tmp_path: Path) -> None:
    dataset = make(name, tmp_path / "file", version=Version(None, None))
    dataset.save(data)
    assert same(dataset.load(), data)
    (version,) = (tmp_path / "file").iterdir()
    assert [path.name for path in version.iterdir()] == ["file"]
    assert dataset.resolve_load_version() == version.name
    with pytest.raises(DatasetError, match="must not exist"):
        make(name, tmp_path / "file", version=Version(None, version.name)).save(data)


@ALL
def test_remote_files_pass_through(name: str, data: Any) -> None:
    dataset = make(name, f"memory://atomic/{name}")
    dataset.save(data)
    assert same(dataset.load(), data)
    assert dataset._filepath.as_posix() in dataset._fs.find("")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CSVDataset", "TablePreview"),
        ("ParquetDataset", "TablePreview"),
        ("JSONDataset", "JSONPreview"),
        ("PlotlyDataset", "PlotlyPreview"),
    ],
)
def test_kedro_viz_still_knows_the_preview(name: str, kind: str, tmp_path: Path) -> None:
    dataset = make(name, tmp_path / "file")
    dataset.save(CASES[name])
    node = DataNode(name="x", id="x", kedro_obj=dataset, tags=set(), layer=None)
    metadata = DataNodeMetadata(data_node=node)
    assert metadata.preview_type == kind
    assert metadata.preview


def test_every_dataset_saves_through_the_mixin() -> None:
    for name in CASES:
        assert inspect.unwrap(getattr(datasets, name).save) is inspect.unwrap(AtomicSave.save)
