from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.commands.conftest import Call
from tests.video.styles import save_style, save_styles
from tests.video.trips import ClipMaker
from triptych.commands.cli import stylize
from triptych.commands.promoted import find_project
from triptych.commands.styles import bundled_styles, open_style
from triptych.video.params import StyleTrainingParams

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return save_style(tmp_path, 1)


def read_times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [float(frame.time) for frame in container.decode(video=0)]


def read_sound(path: Path) -> bytes:
    with av.open(str(path)) as container:
        return b"".join(bytes(packet) for packet in container.demux(audio=0))


def read_first(path: Path) -> NDArray[np.float64]:
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24").astype(np.float64)


def test_every_frame_is_painted_and_the_sound_kept(call: Call, clip: ClipMaker, style: Path, tmp_path: Path) -> None:
    source = Path(shutil.copy(clip("plain.mp4"), tmp_path / "-Zoë's clip;.MP4"))
    target = tmp_path / "out $x.mp4"
    result = call(stylize, source, target, "--style", style)
    assert result.stdout == f"{target}\n"
    assert read_times(target) == read_times(source)
    assert read_sound(target) == read_sound(source)
    assert np.abs(read_first(target) - read_first(source)).mean() > 20
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["-Zoë's clip;.MP4", "elsewhere", "out $x.mp4", style.name]
    )


def test_only_the_beginning(call: Call, clip: ClipMaker, style: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    call(stylize, clip("plain.mp4"), target, "--style", style, "--seconds", 0.3, "--scale", 0.5)
    assert read_times(target) == pytest.approx(read_times(clip("plain.mp4"))[:9], abs=0.001)
    assert 0 < len(read_sound(target)) < len(read_sound(clip("plain.mp4")))
    call(stylize, clip("plain.mp4"), target, "--style", style, "--seconds", 99, "--force", "--strength", 0)
    assert len(read_times(target)) == 30
    assert np.abs(read_first(target) - read_first(clip("plain.mp4"))).mean() < 5


def test_one_of_several_styles_of_a_file(call: Call, clip: ClipMaker, tmp_path: Path) -> None:
    painters = save_styles(tmp_path, 3, ["oil", "pen"])
    pictures = []
    for name in ("oil", "pen"):
        call(stylize, clip("plain.mp4"), tmp_path / f"{name}.mp4", "--style", painters / name, "--seconds", 0.1)
        pictures.append(read_first(tmp_path / f"{name}.mp4"))
    assert np.abs(pictures[0] - pictures[1]).mean() > 5
    wrong = call(stylize, clip("plain.mp4"), tmp_path / "x.mp4", "--style", painters / "none", code=1)
    assert "is no style" in wrong.stderr


@pytest.mark.slow
def test_a_style_is_learned_from_a_picture(call: Call, clip: ClipMaker, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (120, 120, 3), dtype=np.uint8)).save(tmp_path / "art.png")
    training = StyleTrainingParams(width=4, blocks=1, steps=2, batch_size=1, crop_px=64, style_px=96)
    with open_style(str(tmp_path / "art.png"), training, tmp_path / "art.pth") as style:
        assert style.model == tmp_path / "art.pth"
    words = (clip("plain.mp4"), tmp_path / "x.mp4", "--seconds", 0.1)
    call(stylize, *words, "--style", tmp_path / "art.pth")
    assert len(read_times(tmp_path / "x.mp4")) == 3
    again = (*words, "--force", "--style", tmp_path / "art.png", "--keep-style", tmp_path / "none" / "art.pth")
    assert "there is no folder" in call(stylize, *again, code=2).stderr


def test_what_is_wrong_is_said_and_leaves_nothing(call: Call, clip: ClipMaker, style: Path, tmp_path: Path) -> None:
    source, target = clip("plain.mp4"), tmp_path / "out.mp4"
    (tmp_path / "bad.mp4").write_text("no video")
    taken = tmp_path / "taken.mp4"
    taken.write_text("mine")
    before = sorted(tmp_path.iterdir())
    cases = [
        ((source, taken), 2, "taken.mp4 is there already: --force replaces it"),
        ((source, tmp_path / "none" / "x.mp4"), 2, "there is no folder"),
        ((source, source, "--force"), 2, "TARGET is SOURCE"),
        ((source, tmp_path / "x.avi"), 1, "cannot be written as .avi: take .mp4, .mkv or .webm"),
        ((source, tmp_path / "x"), 1, "a file without an ending"),
        ((tmp_path / "bad.mp4", target), 1, f"{tmp_path / 'bad.mp4'}: it is no video file"),
        ((source, target, "--style", tmp_path / "no.pth"), 1, "there is no style file"),
        ((source, target, "--style", tmp_path / "no.jpg"), 1, "there is no picture"),
        ((source, target, "--style", "nope"), 1, "no style 'nope' in"),
        ((source, target, "--scale", 9), 2, "--scale"),
        ((source, target, "--seconds", "inf"), 2, "'inf' is no number"),
        ((source, target, "--strength", "nan"), 2, "'nan' is no number"),
        ((tmp_path / "no.mp4", target), 2, "no.mp4"),
    ]
    for words, code, message in cases:
        styled = words if "--style" in words else (*words, "--style", style)
        assert message in call(stylize, *styled, code=code).stderr, words
    assert sorted(tmp_path.iterdir()) == before
    assert taken.read_text() == "mine"


def test_the_bundled_styles_are_known_by_name() -> None:
    assert sorted(bundled_styles(find_project())) == ["dots", "ink", "mosaic", "strokes"]
