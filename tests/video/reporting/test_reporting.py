from __future__ import annotations

import os
import shlex
from contextlib import nullcontext
from fnmatch import fnmatchcase
from pathlib import Path

import cv2
import fsspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.errors import InputError
from triptych.storage.blob_storage import LandedFile
from triptych.video.planning.sources import collect
from triptych.video.reporting.comparisons import spread
from triptych.video.reporting.pictures import SHEET_VIDEOS, draw_contact_sheet, save_png
from triptych.video.reporting.reporting import (
    COLUMNS,
    advise_retry,
    judge_run,
    list_handled,
    put_aside,
    summarize,
    tabulate_records,
)
from triptych.video.restitching.finishing import refuse
from triptych.video.stylizing.store import write_json

REPORT = {"frames": 30, "seconds": 2.0, "segments": 4, "done": 3, "skipped": 1, "failed": 0}


def test_the_table_has_every_video_ever_and_the_same_columns(tmp_path: Path) -> None:
    assert tabulate_records(tmp_path).columns.tolist() == COLUMNS
    finished = {"name": "b.mp4", "status": "finished", "frames_in": 30, "frames_out": 30, "odd": 1}
    write_json(tmp_path / "1.json", finished)
    write_json(tmp_path / "2.json", refuse("a.mp4", "the file is empty"))
    table = tabulate_records(tmp_path)
    assert table["name"].tolist() == ["a.mp4", "b.mp4"]
    assert table.columns.tolist() == COLUMNS
    metrics = summarize(table, REPORT, [finished, refuse("a.mp4", "the file is empty")])
    assert (metrics["new_videos"], metrics["new_finished"]) == (2, 1)
    assert (metrics["videos"], metrics["quarantined"], metrics["frames"]) == (1, 1, 30)
    assert metrics["frames_per_s"] == 15


def test_a_run_with_nothing_to_do_has_figures_too(tmp_path: Path) -> None:
    metrics = summarize(tabulate_records(tmp_path), dict.fromkeys(REPORT, 0), [])
    assert metrics["videos"] == metrics["frames_per_s"] == metrics["new_videos"] == 0
    judge_run(metrics)


@pytest.mark.parametrize(("new", "finished", "fails"), [(0, 0, False), (3, 3, False), (3, 1, False), (3, 0, True)])
def test_only_a_run_that_finished_none_of_its_videos_is_a_failure(new: int, finished: int, fails: bool) -> None:
    with pytest.raises(InputError, match="none of the 3 new videos") if fails else nullcontext():
        judge_run({"new_videos": new, "new_finished": finished})


def test_what_is_put_aside_lies_beside_its_reason(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a b.mp4").write_bytes(b"broken")
    folder = put_aside(tmp_path, [refuse("deep/a b.mp4", "cut off"), refuse("gone.mp4", "could not be fetched"),
                                  {"name": "good.mp4", "status": "finished"}])  # fmt: skip
    files = {str(path.relative_to(folder.path)): path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}
    assert set(files) == {"deep/a b.mp4", "deep/a b.mp4.reason.txt", "gone.mp4.reason.txt"}
    assert files["deep/a b.mp4"] == b"broken"
    assert files["deep/a b.mp4.reason.txt"].startswith(b"cut off\n")
    assert files["gone.mp4.reason.txt"].splitlines()[-1] == b"The next run tries it again."
    assert b"--params 'video_retry=\"deep/a b.mp4\"'" in files["deep/a b.mp4.reason.txt"]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=12))
def test_the_advice_can_be_pasted_into_a_shell_and_fits_the_name(name: str) -> None:
    advice = advise_retry(f"deep/{name}.mp4")
    (pasted,) = [line for line in advice.splitlines() if "video_retry" in line]
    words = shlex.split(pasted)
    (option,) = [word for word in words if word.startswith("video_retry=")]
    assert "," not in option  # where Kedro divides --params
    params = pytest.importorskip("omegaconf").OmegaConf.from_dotlist([option])
    assert fnmatchcase(f"deep/{name}.mp4", params["video_retry"])


def test_only_what_was_fetched_and_has_a_result_is_done(tmp_path: Path) -> None:
    disk = fsspec.filesystem("file")
    (tmp_path / "landing").mkdir()
    for name in ("a", "b", "other run's"):
        (tmp_path / "landing" / name).write_text(name)
    names = ("a", "b", "vanished", "other run's")
    (tmp_path / "sources").mkdir()
    collect({name: LandedFile(name, f"print of {name}", str(tmp_path / "landing" / name), disk) for name in names},
            tmp_path / "sources")  # fmt: skip
    results = [{"name": "a", "status": "finished"}, refuse("b", "cut off"), refuse("vanished", "it could not be had")]
    assert list_handled(tmp_path / "sources", results) == {"a": "print of a", "b": "print of b"}


@given(st.integers(0, 50), st.integers(0, 500))
def test_positions_are_spread_over_the_whole_length(count: int, length: int) -> None:
    positions = spread(count, length)
    assert len(positions) == min(count, length)
    assert positions == sorted(set(positions))
    assert all(0 <= position < length for position in positions)


@pytest.mark.parametrize("size", [(90, 160), (300, 20), (7, 900)])
def test_a_sheet_holds_frames_of_any_shape(size: tuple[int, int], tmp_path: Path) -> None:
    frame = np.full((*size, 3), (200, 30, 30), np.uint8)
    sheet = draw_contact_sheet([("a ä [1].mp4", [frame] * 5, [frame] * 2)])
    assert sheet.ndim == 3
    assert (np.abs(sheet.astype(int) - (200, 30, 30)).sum(2) < 6).any()
    save_png(tmp_path / "sheet.png", sheet)
    read = cv2.imread(str(tmp_path / "sheet.png"))
    assert read is not None
    assert np.array_equal(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), sheet)


def test_a_sheet_of_many_videos_stays_a_picture_that_can_be_opened() -> None:
    frame = np.full((9, 16, 3), 30, np.uint8)
    few, many = ([(f"{number}.mp4", [frame], [frame]) for number in range(count)] for count in (2, 700))
    height = draw_contact_sheet(few).shape[0] // 2
    sheet = draw_contact_sheet(many)
    assert sheet.shape[0] < 65_536  # more pixels browsers do not draw
    assert sheet.shape[0] // height == SHEET_VIDEOS


def test_an_empty_sheet_is_a_picture() -> None:
    assert draw_contact_sheet([]).shape[2] == 3


def test_names_in_an_old_encoding_can_be_written(tmp_path: Path) -> None:
    """Linux gives the bytes of a name that are not UTF-8 as halves of characters, which no file takes as text."""
    name = os.fsdecode(b"caf\xe9.mp4")
    result = refuse(name, f"{name} is damaged")
    write_json(tmp_path / "records" / "1.json", result)
    table = tabulate_records(tmp_path / "records")
    table.to_csv(tmp_path / "videos.csv", encoding="utf-8")
    assert (table["name"][0], table["reason"][0]) == ("caf?.mp4", "caf?.mp4 is damaged")
    (tmp_path / name).write_bytes(b"video")
    folder = put_aside(tmp_path, [result])
    reason = folder.path / f"{name}.reason.txt"
    assert reason.read_text(encoding="utf-8").startswith("caf?.mp4 is damaged")
    assert (folder.path / name).read_bytes() == b"video"


def test_a_name_that_leaves_no_room_for_an_ending_has_its_reason_beside_it(tmp_path: Path) -> None:
    name = f"{'n' * 251}.mp4"
    (tmp_path / name).write_bytes(b"video")
    folder = put_aside(tmp_path, [refuse(name, "cut off")])
    (reason,) = folder.path.glob("nnn*~*.reason.txt")
    assert reason.read_text(encoding="utf-8").startswith("cut off")
    assert (folder.path / name).read_bytes() == b"video"
