"""JSON that need not be there."""

from __future__ import annotations

from pathlib import Path

from triptych.datasets import OptionalJSONDataset


def test_a_file_that_is_not_there_is_empty_and_does_not_exist(tmp_path: Path) -> None:
    dataset = OptionalJSONDataset(filepath=str(tmp_path / "best.json"))
    assert dataset.load() == {}
    assert not dataset.exists()
    dataset.save({"a": 1})
    assert dataset.exists()
    assert dataset.load() == {"a": 1}
