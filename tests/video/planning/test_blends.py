"""Styles by their text: found, blended, faded over time; and what cannot be is refused with the grammar."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.video.styles import save_style, save_styles
from tests.video.trips import PLANNING, ClipMaker
from triptych.video.media.info import VideoInfo
from triptych.video.params import StyleParams
from triptych.video.planning.blends import Blend, choose_blend
from triptych.video.planning.grammar import GRAMMAR
from triptych.video.planning.probing import probe_video


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return the default one of three styles, beside a file with three others."""
    for name in ("ink", "mosaic", "strokes"):
        save_style(tmp_path, 1).rename(tmp_path / f"{name}.pth")
    save_styles(tmp_path, 2, ["chalk", "oil", "pen"]).rename(tmp_path / "painters.pth")
    return tmp_path / "mosaic.pth"


@pytest.fixture
def info(clip: ClipMaker) -> VideoInfo:
    """Return a video of 11 frames in 10 seconds that does not begin at 0."""
    return replace(probe_video(clip("plain.mp4"), PLANNING), pts=tuple(range(90_000, 990_001, 90_000)))


def choose(text: str, models: Path) -> Blend:
    return choose_blend("a.mp4", StyleParams(styles={"*": text}), models)


def seconds(info: VideoInfo, *numbers: float) -> list[int]:
    return [round(info.pts[0] + number / info.time_base) for number in numbers]


def test_a_style_is_chosen_by_the_first_pattern_that_fits(models: Path) -> None:
    style = StyleParams(styles={"night/*": "ink", "*.mkv": "strokes"})
    chosen = [choose_blend(name, style, models) for name in ("night/a.mkv", "a.mkv", "a.mp4")]
    assert [blend.files for blend in chosen] == [("ink.pth",), ("strokes.pth",), ("mosaic.pth",)]
    assert [blend.describe() for blend in chosen] == ["ink", "strokes", "mosaic"]


def test_the_default_style_may_have_any_name(models: Path) -> None:
    odd = models.rename(models.with_name("a+b > c@2.pth"))
    assert choose_blend("a.mp4", StyleParams(), odd).files == (odd.name,)


def test_weights_of_a_blend_add_up_to_one(models: Path, info: VideoInfo) -> None:
    blend = choose("mosaic:3 + ink", models)
    assert (blend.files, blend.weigh(info, info.pts[3])) == (("mosaic.pth", "ink.pth"), (0.75, 0.25))
    assert blend.describe() == "mosaic:0.75+ink:0.25"


def test_styles_of_one_file_are_named_with_it(models: Path, info: VideoInfo) -> None:
    blend = choose("painters/pen:0.7+painters/chalk:0.3", models)
    assert blend.files == ("painters.pth",)
    assert blend.weigh(info, 0) == pytest.approx((0.3, 0, 0.7))
    assert blend.describe() == "painters/chalk:0.3+painters/pen:0.7"
    mixed = choose("painters/oil+ink", models)
    assert (mixed.files, mixed.weigh(info, 0)) == (("painters.pth", "ink.pth"), (0, 0.5, 0, 0.5))
    assert mixed.by_file(mixed.weigh(info, 0)) == [(0, 0.5, 0), (0.5,)]


def test_a_single_named_style_goes_by_its_file(models: Path) -> None:
    save_styles(models.parent, 3, ["only"]).rename(models.with_name("one.pth"))
    assert choose("one", models) == choose("one/only", models)


def test_a_fade_is_spread_over_the_video(models: Path, info: VideoInfo) -> None:
    blend = choose("mosaic > ink", models)
    shares = [blend.weigh(info, pts)[1] for pts in info.pts]
    assert shares == pytest.approx([number / 10 for number in range(11)])
    three = choose("mosaic > ink:1+strokes:3 > mosaic", models)
    assert three.weigh(info, info.pts[5]) == pytest.approx((0, 0.25, 0.75))
    assert three.weigh(info, info.pts[0]) == three.weigh(info, info.pts[-1]) == (1, 0, 0)
    assert three.describe() == "mosaic > ink:0.25+strokes:0.75 > mosaic"
    one_frame = replace(info, pts=info.pts[:1])
    assert blend.weigh(one_frame, info.pts[0]) == (1, 0)


def test_a_fade_goes_by_seconds(models: Path, info: VideoInfo) -> None:
    blend = choose("mosaic@2 > painters/oil@5>ink@6.5", models)
    found = [blend.weigh(info, pts) for pts in seconds(info, 0, 2, 3, 5, 5.75, 6.5, 10)]
    assert [shares[0] for shares in found] == pytest.approx([1, 1, 2 / 3, 0, 0, 0, 0], abs=1e-3)
    assert [shares[2] for shares in found] == pytest.approx([0, 0, 1 / 3, 1, 0.5, 0, 0], abs=1e-3)
    assert [sum(shares) for shares in found] == pytest.approx([1] * 7)
    assert blend.describe() == "mosaic@2 > painters/oil@5 > ink@6.5"
    assert Blend.from_json(json.loads(json.dumps(blend.to_json()))) == blend


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("ink:much", "'much' in 'ink:much' is no number"),
        ("ink:0", "weights must be above 0, got 'ink:0'"),
        ("ink:nan", "'nan' in 'ink:nan' must be a number from 0 on"),
        ("ink:-1", "'-1' in 'ink:-1' must be"),
        ("", "a name is missing"),
        ("ink +", "a name is missing"),
        ("ink >", "a name is missing"),
        ("ink@2", "no style to fade to"),
        ("ink@2 > mosaic", "every stop has its second or none"),
        ("ink@5 > mosaic@5", "seconds must rise"),
        ("ink@soon > mosaic@5", "'soon' in 'ink@soon' is no number"),
        ("ink@ > mosaic@5", "'' in 'ink@' is no number"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_grammar(models: Path, wanted: str, message: str) -> None:
    with pytest.raises(ValueError, match="video.style.styles") as raised:
        choose(wanted, models)
    assert message in str(raised.value)
    assert repr(wanted) in str(raised.value)
    assert GRAMMAR in str(raised.value)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("etching", "no style 'etching' in .*, which has ink, mosaic, painters, strokes"),
        ("painters", "painters.pth has painters/chalk, painters/oil, painters/pen; name one of them"),
        ("painters/ink", "'painters/ink' is no style: painters.pth has painters/chalk"),
        ("mosaic/ink", "mosaic.pth has a single one, which is called 'mosaic'"),
    ],
)
def test_a_style_that_is_not_there_is_refused_before_the_first_frame(models: Path, wanted: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"video.style.styles: .*{message}"):
        choose(wanted, models)


def test_a_default_with_several_styles_needs_one_named(models: Path) -> None:
    painters = models.with_name("painters.pth")
    with pytest.raises(ValueError, match="painters/oil, painters/pen; name one of them"):
        choose_blend("a.mp4", StyleParams(), painters)
    named = choose_blend("a.mp4", StyleParams(styles={"*": "painters/oil"}), painters)
    assert named.describe() == "painters/oil"


def test_the_checkpoint_loads_without_trust(models: Path) -> None:
    state = torch.load(models.with_name("painters.pth"), weights_only=True)
    assert state["styles"] == ["chalk", "oil", "pen"]
    assert (state["in1.weight"].shape, state["res1.in2.bias"].shape) == ((3, 4), (3, 16))
