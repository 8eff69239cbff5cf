"""A matcher's folder appears whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kedro.io import DatasetError

from triptych.datasets import FaqMatcherDataset
from triptych.faq.revision import Revision


class Stub:
    """Stands in for a matcher: writes two files, and may fail between them."""

    def __init__(self, text: str, error: BaseException | None = None) -> None:
        self.text, self.error, self.revision = text, error, Revision()

    def save(self, folder: Path) -> None:
        (folder / f"{self.text}.npz").write_text(self.text)
        if self.error:
            raise self.error
        (folder / "about.json").write_text(self.text)


def save(dataset: FaqMatcherDataset, stub: Any) -> None:
    dataset.save(stub)


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    dataset = FaqMatcherDataset(filepath=tmp_path / "deep" / "matcher")
    assert not dataset.exists()
    save(dataset, Stub("old"))
    assert dataset.exists()
    save(dataset, Stub("new"))
    assert sorted(path.name for path in (tmp_path / "deep" / "matcher").iterdir()) == ["about.json", "new.npz"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["matcher"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_old_matcher(tmp_path: Path, error: BaseException) -> None:
    dataset = FaqMatcherDataset(filepath=tmp_path / "matcher")
    save(dataset, Stub("old"))
    with pytest.raises((DatasetError, KeyboardInterrupt)):
        save(dataset, Stub("new", error))
    assert sorted(path.name for path in (tmp_path / "matcher").iterdir()) == ["about.json", "old.npz"]
    assert [path.name for path in tmp_path.iterdir()] == ["matcher"]


def test_a_failed_first_save_leaves_nothing(tmp_path: Path) -> None:
    dataset = FaqMatcherDataset(filepath=tmp_path / "matcher")
    with pytest.raises(DatasetError, match="disk full"):
        save(dataset, Stub("new", OSError("disk full")))
    assert not dataset.exists()
    assert list(tmp_path.iterdir()) == []


def test_loading_what_is_no_matcher_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"holds no matcher \(no about\.json\)"):
        FaqMatcherDataset(filepath=tmp_path).load()


def test_a_half_written_folder_does_not_count_as_there(tmp_path: Path) -> None:
    (tmp_path / "ranker.json").touch()
    assert not FaqMatcherDataset(filepath=tmp_path).exists()
