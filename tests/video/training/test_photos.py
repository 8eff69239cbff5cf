"""Photos to train on come from a folder, or with the packages."""

from __future__ import annotations

import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triptych.video.training import photos as style_photos
from triptych.video.training.photos import PhotoStream, find_photos, list_bundled_photos, read_picture, read_styles


def save(path: Path, size: tuple[int, int], mode: str = "RGB") -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, size, 90 if mode == "L" else None).save(path)


def test_a_folder_is_read_with_its_subfolders_and_broken_files_are_left_out(tmp_path: Path) -> None:
    save(tmp_path / "a" / "large.png", (2000, 500))
    save(tmp_path / "grey.jpg", (30, 40), "L")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    (tmp_path / "notes.txt").write_text("not a photo")
    stream = PhotoStream(find_photos(tmp_path))
    shapes = {next(stream).shape for _ in range(6)}
    assert shapes == {(160, 640, 3), (40, 30, 3)}
    assert len(stream) == 2


def save_levels(folder: Path, count: int) -> None:
    for number in range(count):
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(folder / f"{number:03}.png")


def test_all_are_seen_once_before_any_is_seen_again_in_another_order(tmp_path: Path) -> None:
    save_levels(tmp_path, 9)
    stream = PhotoStream(find_photos(tmp_path), seed=1)
    first, second = ([int(next(stream)[0, 0, 0]) for _ in range(9)] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(9))
    assert first != second
    again = PhotoStream(find_photos(tmp_path), seed=1)
    assert [int(next(again)[0, 0, 0]) for _ in range(9)] == first


@pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn, which brings photos, is not installed")
def test_an_empty_folder_gives_the_bundled_photos(tmp_path: Path) -> None:
    assert next(PhotoStream(find_photos(tmp_path))).shape[2] == 3
    assert "china.jpg" in {path.name for path in list_bundled_photos()}


def test_no_photo_at_all_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style_photos, "list_bundled_photos", list)
    with pytest.raises(ValueError, match="no photo to train on"):
        find_photos(tmp_path)


def test_a_folder_of_broken_photos_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match=r"no photo to train on.*broken\.png"):
        next(PhotoStream(find_photos(tmp_path)))


def test_a_picture_is_read_upright(tmp_path: Path) -> None:
    image = Image.fromarray(np.zeros((20, 30, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert read_picture(tmp_path / "turned.jpg").shape == (30, 20, 3)
    with pytest.raises(ValueError, match="none.png"):
        read_picture(tmp_path / "none.png")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_picture_of_16_bits_is_not_cut_off_at_white(suffix: str, tmp_path: Path) -> None:
    levels = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    Image.fromarray(levels).save(tmp_path / f"deep{suffix}")
    np.testing.assert_array_equal(read_picture(tmp_path / f"deep{suffix}")[..., 0], levels >> 8)


def test_what_transparency_hides_is_white(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:4] = (200, 30, 40, 255)
    Image.fromarray(pixels).save(tmp_path / "logo.png")
    assert read_picture(tmp_path / "logo.png")[[0, 7], 0].tolist() == [[200, 30, 40], [255, 255, 255]]


def test_a_file_with_a_header_cut_short_is_no_picture(tmp_path: Path) -> None:
    """Pillow raises what does not name the file."""
    header = b"IHDR" + bytes(5)
    chunk = (len(header) - 4).to_bytes(4, "big") + header + zlib.crc32(header).to_bytes(4, "big")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    with pytest.raises(ValueError, match="broken.png is no picture"):
        read_picture(tmp_path / "broken.png")


def test_of_pictures_that_are_all_length_the_middle_is_taken(tmp_path: Path) -> None:
    save(tmp_path / "a" / "line.png", (600, 2))
    save(tmp_path / "a" / "mast.png", (1, 1000))
    stream = PhotoStream(find_photos(tmp_path / "a"))
    assert {next(stream).shape for _ in range(2)} == {(2, 20, 3), (10, 1, 3)}
    assert [picture.shape for picture in read_styles(tmp_path / "a").values()] == [(2, 20, 3), (10, 1, 3)]


def test_pictures_of_other_kinds_are_not_passed_over_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path / "a" / "one.png", (8, 8))
    for name in ("two.HEIC", "three.gif", "notes.txt"):
        (tmp_path / "a" / name).write_bytes(b"x")
    for read in (find_photos, read_styles):
        caplog.clear()
        read(tmp_path / "a")
        assert "2 pictures of" in caplog.text
        assert "three.gif first" in caplog.text
