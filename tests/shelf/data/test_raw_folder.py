"""Names are found in the folder and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.shelf.data.quarantine import Quarantine
from triptych.shelf.data.raw_folder import Match, PhotoNames, find_files, stem_of


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_files_are_found_by_kind_in_any_folder(tmp_path: Path) -> None:
    make(tmp_path, "JPEGImages/b.JPG", "JPEGImages/a.png", "top.heic", "Annotations/a.xml", "annotations/b.json")
    make(tmp_path, "readme.txt", ".hidden/x.jpg", ".x.jpg", "__MACOSX/a.jpg", "SegmentationObject/a.png")
    quarantine = Quarantine()
    files = find_files(tmp_path, quarantine)
    assert files.photos == ["JPEGImages/a.png", "JPEGImages/b.JPG", "top.heic"]
    assert (files.xml, files.json) == (["Annotations/a.xml"], ["annotations/b.json"])
    assert quarantine.rows == []


def test_nothing_that_leads_out_is_followed(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    make(tmp_path, "secret.jpg", "outside/a.jpg", "outside/b.xml", "raw/inside.jpg")
    (raw / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    (raw / "out.xml").symlink_to("../outside/b.xml")
    (raw / "folder").symlink_to(tmp_path / "outside")
    (raw / "in.jpg").symlink_to("inside.jpg")
    (raw / "broken.jpg").symlink_to("nothing.jpg")
    (raw / "circle.jpg").symlink_to("circle.jpg")
    os.mkfifo(raw / "pipe.json")
    quarantine = Quarantine()
    files = find_files(raw, quarantine)
    assert files.photos == ["in.jpg", "inside.jpg"]
    assert files.xml == files.json == []
    assert {kind for _, kind, _ in quarantine.rows} == {"unsafe_file"}
    rows = {file: reason for file, _, reason in quarantine.rows}
    assert sorted(rows) == ["broken.jpg", "circle.jpg", "folder", "out.jpg", "out.xml", "pipe.json"]
    assert "leads out" in rows["out.jpg"]
    assert "leads out" in rows["out.xml"]


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    make(tmp_path, "real/a.jpg")
    (tmp_path / "link").symlink_to("real")
    quarantine = Quarantine()
    assert find_files(tmp_path / "link", quarantine).photos == ["a.jpg"]
    assert quarantine.rows == []


PHOTOS = ["JPEGImages/a.jpg", "JPEGImages/b.png", "store/a.jpg", "images/c.jpg", "deep/er/d.jpg", "e\u0301.jpg"]


@pytest.mark.parametrize(
    ("name", "annotation", "photo"),
    [
        ("a.jpg", "Annotations/a.xml", "JPEGImages/a.jpg"),
        ("a.jpg", "store/all.json", "store/a.jpg"),
        ("store/a.jpg", "all.json", "store/a.jpg"),
        ("../store/a.jpg", "Annotations/all.json", "store/a.jpg"),
        ("store\\a.jpg", "all.json", "store/a.jpg"),
        ("c.jpg", "annotations/all.json", "images/c.jpg"),
        (" c.jpg ", "all.json", "images/c.jpg"),
        ("d.jpg", "all.json", "deep/er/d.jpg"),
        ("\u00e9.jpg", "all.json", "e\u0301.jpg"),
    ],
)
def test_a_name_means_the_photo_where_photos_lie(name: str, annotation: str, photo: str) -> None:
    assert PhotoNames(PHOTOS).find(name, annotation) == Match(photo, (photo,))


@pytest.mark.parametrize(
    ("name", "photo", "note"),
    [
        ("C:\\photos\\d.jpg", "deep/er/d.jpg", "found in another folder"),
        ("/data/d.jpg", "deep/er/d.jpg", "found in another folder"),
        ("../../../d.jpg", "deep/er/d.jpg", "found in another folder"),
        ("b.jpg", "JPEGImages/b.png", "found by its name without suffix"),
        ("D.JPG", "deep/er/d.jpg", "found by its name without suffix"),
        ("d", "deep/er/d.jpg", "found by its name without suffix"),
    ],
)
def test_a_photo_under_a_name_not_quite_its_own_is_noted(name: str, photo: str, note: str) -> None:
    assert PhotoNames(PHOTOS).find(name, "x.json") == Match(photo, (photo,), note)


def test_a_name_that_fits_several_photos_means_none() -> None:
    names = PhotoNames(["x/a.jpg", "y/a.jpg", "z/b.jpg", "z/b.png"])
    assert names.find("a.jpg", "all.json") == Match(None, ("x/a.jpg", "y/a.jpg"))
    assert names.find("b.gif", "all.json") == Match(None, ("z/b.jpg", "z/b.png"))
    assert names.find_stem("b.xml") == Match(None, ("z/b.jpg", "z/b.png"))
    assert names.find_stem("x/a.xml") == Match("x/a.jpg", ("x/a.jpg",))


SPLIT = ["data/photos/train/1.jpg", "data/photos/val/1.jpg", "test/1.jpg"]


@pytest.mark.parametrize(
    ("name", "annotation", "photo"),
    [
        ("1.jpg", "data/xml/train/1.xml", "data/photos/train/1.jpg"),  # trees beside each other
        ("1.jpg", "data/xml/val/1.xml", "data/photos/val/1.jpg"),
        ("1.jpg", "annotations/instances_train2017.json", "data/photos/train/1.jpg"),
        ("1.jpg", "val.json", "data/photos/val/1.jpg"),
        ("1.PNG", "Test/list.json", "test/1.jpg"),
        ("train/1.jpg", "all.json", "data/photos/train/1.jpg"),
        ("C:\\me\\photos\\val\\1.jpg", "all.json", "data/photos/val/1.jpg"),
        ("1.jpg", "train_and_val.json", None),
        ("other/1.jpg", "all.json", None),
        ("1.jpg", "all.json", None),
    ],
)
def test_of_photos_of_one_name_the_folders_tell(name: str, annotation: str, photo: str | None) -> None:
    assert PhotoNames(SPLIT).find(name, annotation).photo == photo


@given(
    st.lists(st.sampled_from(["..", "etc", "passwd", "", ".", "~", "a.jpg", "C:", "\\", "\x00", "\ud800"])).map(
        "/".join
    )
)
def test_no_name_means_anything_but_a_photo_of_the_folder(name: str) -> None:
    found = PhotoNames(PHOTOS).find(name, "Annotations/a.xml")
    assert found.photo in {None, *PHOTOS}
    assert set(found.candidates) <= set(PHOTOS)


@pytest.mark.parametrize(
    ("name", "stem"), [("a/IMG.01.JPG", "img.01"), ("IMG.01", "img.01"), ("x\\y.png", "y"), ("a.xml", "a"), ("", "")]
)
def test_the_stem_is_the_name_without_what_is_known_as_a_suffix(name: str, stem: str) -> None:
    assert stem_of(name) == stem
