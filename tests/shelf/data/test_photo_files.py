"""Any photo becomes upright 8-bit RGB, or is refused with a reason."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.shelf.raw_folders import draw, write_photo
from triptych.shelf.data.photo_files import UPRIGHT, PhotoError, Size, read_photo, read_reduced, store_photo, turn_of

MANY = 10**8
PIXELS = draw()


_MODES = ["1", "L", "LA", "P", "RGB", "RGBA"]


@pytest.mark.parametrize(
    ("mode", "suffix"), [(mode, suffix) for mode in _MODES for suffix in ("png", "tif")] + [("CMYK", "tif")]
)
def test_modes_become_rgb(mode: str, suffix: str, tmp_path: Path) -> None:
    image = Image.fromarray(PIXELS).convert(mode)
    image.save(tmp_path / f"a.{suffix}")
    read = read_photo(tmp_path / f"a.{suffix}", MANY)
    assert read.dtype == np.uint8
    assert np.array_equal(read, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_jpegs_of_other_modes_become_rgb(mode: str, tmp_path: Path) -> None:
    Image.fromarray(PIXELS).convert(mode).save(tmp_path / "a.jpg", quality=95)
    expected = np.asarray(Image.fromarray(PIXELS).convert(mode).convert("RGB"))
    assert abs(read_photo(tmp_path / "a.jpg", MANY).astype(int) - expected).max() < 30


@pytest.mark.parametrize("shape", [(30, 40), (30, 40, 3)])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits_become_8(shape: tuple[int, ...], suffix: str, tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 2**16, shape).astype(np.uint16)
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), deep)
    expected = deep >> 8 if deep.ndim == 3 else np.stack([deep >> 8] * 3, axis=-1)
    read = read_photo(tmp_path / f"a.{suffix}", MANY)
    assert abs(read[..., ::-1].astype(int) - expected).max() <= 1


def test_what_is_transparent_becomes_white(tmp_path: Path) -> None:
    layered = np.dstack([PIXELS, np.zeros(PIXELS.shape[:2], np.uint8)])
    layered[0, 0, 3] = 255
    Image.fromarray(layered).save(tmp_path / "a.png")
    read = read_photo(tmp_path / "a.png", MANY)
    assert read[0, 0].tolist() == PIXELS[0, 0].tolist()
    assert (read.reshape(-1, 3)[1:] == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_exif_rotation_is_applied(orientation: int, suffix: str, tmp_path: Path) -> None:
    path = write_photo(tmp_path / f"a.{suffix}", orientation=orientation)
    read = read_photo(path, MANY)
    expected = turn_of(orientation).turn_pixels(PIXELS)
    assert read.shape == expected.shape
    assert abs(read.astype(int) - expected).mean() < 5  # JPEG and WebP lose a little
    if suffix == "jpg":
        opened = cv2.imread(str(path))
        assert opened is not None
        assert np.array_equal(read, opened[..., ::-1])


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_matter(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.jpg", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert read_photo(tmp_path / "a.jpg", MANY).shape == PIXELS.shape


def png_header(width: int, height: int) -> bytes:
    """Make a PNG of a few bytes that claims a size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def encode(pixels: Any, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"these are words, not pixels", "no photo in a format that is read"),
        (encode(PIXELS, "JPEG")[:-200], "damaged: image file is truncated"),
        (encode(PIXELS, "PNG")[:-200], "damaged"),
        (encode(PIXELS, "JPEG")[:10], "no photo|damaged"),
        (encode(PIXELS, "ICO"), "no photo in a format that is read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no photo in a format that is read"),
        (png_header(10_001, 10_000), "10001 x 10000 are 100010000 pixels, more than max_pixels=100000000"),
        (png_header(60_000, 60_000), "too many pixels"),
        (png_header(20, 20), "damaged"),
        (encode(np.zeros((4, 4), np.float32), "TIFF"), "floating-point pixels"),
        (encode(np.full((4, 4), 2**20, np.int32), "TIFF"), "32-bit pixels"),
    ],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_photo_is_refused_with_a_reason(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(PhotoError, match=reason):
        read_photo(tmp_path / "a.jpg", MANY)


def test_a_pipe_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(PhotoError, match="no regular file"):
        read_photo(tmp_path / "a.jpg", MANY)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(form=st.sampled_from(["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP"]), data=st.data())
def test_damage_anywhere_gives_a_photo_or_a_reason(form: str, data: st.DataObject, tmp_path: Path) -> None:
    content = bytearray(encode(PIXELS, form))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=20)):
        content[place] = data.draw(st.integers(0, 255))
    (tmp_path / "a.jpg").write_bytes(content)
    try:
        read = read_photo(tmp_path / "a.jpg", 10**6)
    except PhotoError:
        return
    assert read.dtype == np.uint8
    assert read.ndim == read.shape[2] == 3


def test_an_upright_jpeg_is_copied_byte_for_byte(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "a.jpeg")
    stored = store_photo(path, tmp_path / "b", MANY)
    assert stored == ("b.jpg", (40, 30), (False, False, False), True)
    assert (tmp_path / "b.jpg").read_bytes() == path.read_bytes()


def test_a_turned_jpeg_stays_one(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "a.jpg", orientation=6)
    stored = store_photo(path, tmp_path / "v1.2", MANY)
    assert (stored.file_name, stored.size, stored.is_copied) == ("v1.2.jpg", (30, 40), False)
    with Image.open(tmp_path / "v1.2.jpg") as image:
        assert image.format == "JPEG"
        assert 274 not in image.getexif()
        assert abs(np.asarray(image).astype(int) - read_photo(path, MANY)).max() < 20


@pytest.mark.parametrize("form", ["PNG", "GIF", "TIFF"])
def test_anything_else_becomes_a_png_with_the_same_pixels(form: str, tmp_path: Path) -> None:
    # Whatever its name says.
    (tmp_path / "a.jpg").write_bytes(encode(PIXELS, form))
    stored = store_photo(tmp_path / "a.jpg", tmp_path / "b", MANY)
    assert stored.file_name == "b.png"
    assert np.array_equal(read_photo(tmp_path / "b.png", MANY), read_photo(tmp_path / "a.jpg", MANY))


SIZE = Size(7, 4)
every_orientation = pytest.mark.parametrize("orientation", range(1, 9))


@every_orientation
def test_pixels_turn_as_pillow_turns_them(orientation: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE.height, SIZE.width, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image.getexif()[274] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    turned = turn_of(orientation).turn_pixels(pixels)
    assert np.array_equal(turned, expected)
    assert turn_of(orientation).turn_size(SIZE) == (expected.shape[1], expected.shape[0])


@every_orientation
def test_points_turn_with_their_pixels(orientation: int) -> None:
    turn = turn_of(orientation)
    for x, y in [(0, 0), (6, 0), (2, 3)]:
        pixels = np.zeros((SIZE.height, SIZE.width), np.uint8)
        pixels[y, x] = 1
        row, column = np.argwhere(turn.turn_pixels(pixels))[0]
        middle = turn.turn_points(np.array([[x + 0.5, y + 0.5]]), SIZE)
        assert middle.tolist() == [[column + 0.5, row + 0.5]]


@pytest.mark.parametrize("orientation", [None, 0, 1, 9, "6", 6.5])
def test_what_is_no_orientation_is_upright(orientation: object) -> None:
    assert turn_of(orientation) == UPRIGHT


RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 230, 230)


@pytest.mark.parametrize(
    ("name", "corners"),
    [
        # Quarters of a picture of 64 x 48, encoded by pillow-heif 1.8. Container and Exif both say: a quarter to the
        # right, as telephones write it.
        ("turned.heic", [[BLUE, RED], [WHITE, GREEN]]),
        # Exif alone is not valid (ISO/IEC 23008-12), and nothing that shows HEIC follows it.
        ("exif_only.heic", [[RED, GREEN], [BLUE, WHITE]]),
    ],
)
def test_heic_is_turned_once(name: str, corners: list[list[tuple[int, int, int]]], tmp_path: Path) -> None:
    pytest.importorskip("pi_heif")
    path = Path(__file__).parent / "photos" / name
    pixels = read_photo(path, MANY)
    high, wide = pixels.shape[:2]
    assert (wide, high) == ((48, 64) if name == "turned.heic" else (64, 48))
    seen = pixels[high // 4 :: high // 2, wide // 4 :: wide // 2].astype(int)
    assert abs(seen - np.array(corners)).max() < 12
    stored = store_photo(path, tmp_path / "a", MANY)
    assert stored == ("a.jpg", Size(wide, high), UPRIGHT, False)
    assert abs(read_photo(tmp_path / "a.jpg", MANY)[high // 4, wide // 4].astype(int) - corners[0][0]).max() < 12


def test_heic_under_the_name_of_a_jpeg_and_damaged(tmp_path: Path) -> None:
    pytest.importorskip("pi_heif")
    content = (Path(__file__).parent / "photos" / "turned.heic").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content)
    assert read_photo(tmp_path / "a.jpg", MANY).shape == (64, 48, 3)
    with pytest.raises(PhotoError, match="64 are 3072 pixels, more than max_pixels=3000"):
        read_photo(tmp_path / "a.jpg", 3000)
    for end in (20, 100, 400, len(content) - 20):
        (tmp_path / "b.heic").write_bytes(content[:end])
        with pytest.raises(PhotoError):
            read_photo(tmp_path / "b.heic", MANY)


def draw_blob(size: Size, centre: tuple[float, float]) -> Image.Image:
    """Draw a bright spot on grey."""
    x, y = np.meshgrid(np.arange(size.width) + 0.5, np.arange(size.height) + 0.5)
    spot = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / 2 / 60**2)
    return Image.fromarray((60 + 180 * np.repeat(spot[..., None], 3, axis=2)).astype(np.uint8))


def find_blob(pixels: Any) -> tuple[float, float]:
    """Find its centre, as shares of the photo's sides."""
    weights = np.clip(pixels[..., 1].astype(float) - 90, 0, None)
    rows, columns = weights.sum(axis=1), weights.sum(axis=0)
    y, x = (np.average((np.arange(len(sums)) + 0.5) / len(sums), weights=sums) for sums in (rows, columns))
    return float(x), float(y)


@pytest.mark.parametrize(("size", "factor"), [((1600, 1200), 4), ((1201, 1607), 2), ((700, 501), 1)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_photo_read_at_a_part_of_its_size_shows_the_same_at_the_same_place(
    size: tuple[int, int], factor: int, orientation: int, tmp_path: Path
) -> None:
    image = draw_blob(Size(*size), (size[0] * 0.8, size[1] * 0.7))
    exif = Image.Exif()
    exif[274] = orientation
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)
    whole = read_photo(tmp_path / "a.jpg", MANY)
    wanted = Size(300, 300)
    pixels, own = read_reduced(tmp_path / "a.jpg", MANY, lambda seen: wanted)
    assert own == (whole.shape[1], whole.shape[0])
    assert pixels.shape[:2] == tuple(-(-side // factor) for side in whole.shape[:2])
    goal = (wanted.width, wanted.height)
    ours, theirs = (cv2.resize(part, goal, interpolation=cv2.INTER_AREA) for part in (pixels, whole))
    np.testing.assert_allclose(find_blob(ours), find_blob(theirs), atol=0.25 / 300)
    assert np.abs(ours.astype(int) - theirs).mean() < 1


@pytest.mark.parametrize(("form", "wanted"), [("PNG", (50, 40)), ("JPEG", (120, 90)), ("JPEG", (200, 150))])
def test_a_photo_that_cannot_or_need_not_be_reduced_is_read_whole(
    form: str, wanted: tuple[int, int], tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(encode(np.asarray(draw_blob(Size(200, 150), (60, 60))), form))
    pixels, size = read_reduced(tmp_path / "a", MANY, lambda seen: Size(*wanted))
    assert np.array_equal(pixels, read_photo(tmp_path / "a", MANY))
    assert size == (200, 150)


def test_too_many_pixels_are_refused_though_fewer_would_be_decoded(tmp_path: Path) -> None:
    draw_blob(Size(400, 300), (60, 60)).save(tmp_path / "a.jpg")
    with pytest.raises(PhotoError, match="120000 pixels"):
        read_reduced(tmp_path / "a.jpg", 100_000, lambda seen: Size(40, 30))
