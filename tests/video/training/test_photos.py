"""Photos to train on come from a folder, or with the packages."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triptych.video.training import photos as style_photos
from triptych.video.training.photos import list_bundled_photos, read_photos, read_picture


def save(path: Path, size: tuple[int, int], mode: str = "RGB") -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, size, 90 if mode == "L" else None).save(path)


def test_a_folder_is_read_with_its_subfolders_and_broken_files_are_left_out(tmp_path: Path) -> None:
    save(tmp_path / "a" / "large.png", (2000, 500))
    save(tmp_path / "grey.jpg", (30, 40), "L")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    (tmp_path / "notes.txt").write_text("not a photo")
    shapes = [photo.shape for photo in read_photos(tmp_path)]
    assert shapes == [(160, 640, 3), (40, 30, 3)]


def test_many_photos_are_thinned_out_evenly(tmp_path: Path) -> None:
    for number in range(10):
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(tmp_path / f"{number}.png")
    assert [photo[0, 0, 0] for photo in read_photos(tmp_path, at_most=4)] == [0, 3, 6, 9]


@pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn, which brings photos, is not installed")
def test_an_empty_folder_gives_the_bundled_photos(tmp_path: Path) -> None:
    photos = read_photos(tmp_path, at_most=2)
    assert len(photos) == 2
    assert "china.jpg" in {path.name for path in list_bundled_photos()}


def test_no_photo_at_all_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style_photos, "list_bundled_photos", list)
    with pytest.raises(ValueError, match="no photo to train on"):
        read_photos(tmp_path)


def test_a_picture_is_read_upright(tmp_path: Path) -> None:
    image = Image.fromarray(np.zeros((20, 30, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert read_picture(tmp_path / "turned.jpg").shape == (30, 20, 3)
    with pytest.raises(ValueError, match="none.png"):
        read_picture(tmp_path / "none.png")
