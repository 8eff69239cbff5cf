"""A fade goes by the time of each frame, whoever paints it and with what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.video.styles import make_conversion, make_frames, save_style, save_styles
from tests.video.stylizing.shares import write_clip
from tests.video.trips import PLANNING, decode
from triptych.video.media.planes import Planes
from triptych.video.params import EncodingParams, SmoothingParams, StyleParams
from triptych.video.planning.plans import plan_videos, read_plan
from triptych.video.runtimes.making import create_stylizer
from triptych.video.stylizing.ranks import stylize_as_rank
from triptych.video.stylizing.store import SegmentStore

pytestmark = pytest.mark.timeout(120)
FRAMES = 30


@pytest.fixture
def models(tmp_path: Path) -> Path:
    save_styles(tmp_path, 2, ["oil", "pen"]).rename(tmp_path / "painters.pth")
    save_style(tmp_path, 5).rename(tmp_path / "ink.pth")
    return save_style(tmp_path, 1)


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    write_clip(tmp_path / "clips" / "a.mp4", FRAMES, "64x48", "-g", "30")
    return tmp_path / "clips"


def stylize(
    clips: Path, models: Path, text: str, patch: pytest.MonkeyPatch, ranks: int = 1, **style: Any
) -> tuple[NDArray[np.uint8], list[dict[str, Any]]]:
    """Return the frames of one video, and the reports of all ranks."""
    params = StyleParams(threads=1, styles={"*": text}, **{"runtime": "eager", **style})
    planning = PLANNING.replace(segment_frames=7 if ranks > 1 else 100)
    plan = plan_videos(clips, ["a.mp4"], clips, models, planning, params, SmoothingParams(method="none"))
    store, reports = SegmentStore(clips.parent / f"segments{ranks}{len(text)}"), []
    for rank in range(ranks):
        if ranks > 1:
            patch.setenv("OMPI_COMM_WORLD_RANK", str(rank))
            patch.setenv("OMPI_COMM_WORLD_SIZE", str(ranks))
            patch.setenv("AZUREML_RUN_ID", text)
        encoding = EncodingParams(preset="ultrafast", crf=0)
        reports.append(
            stylize_as_rank(clips, clips, plan, models, store.folder, params, SmoothingParams(method="none"), encoding)
        )
    (video,) = read_plan(plan)
    frames = [frame for key in reports[0]["keys"][video.name] for frame in decode(store.video_path(key))]
    return np.stack([frame.to_ndarray() for frame in frames]), reports


@pytest.mark.parametrize("text", ["painters/oil > painters/pen", "ink@0.2 > painters/pen@0.5"])
def test_any_number_of_ranks_gives_the_same_frames(
    text: str, clips: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = stylize(clips, models, text, monkeypatch)
    three, reports = stylize(clips, models, text, monkeypatch, ranks=3, batch_size=4)
    assert len(one) == FRAMES
    assert reports[0]["segments"] > 3
    np.testing.assert_array_equal(one, three)


def test_it_begins_with_one_and_ends_with_the_other(clips: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fade, _ = stylize(clips, models, "painters/oil@0.2 > painters/pen@0.5", monkeypatch)
    first, _ = stylize(clips, models, "painters/oil", monkeypatch)
    last, _ = stylize(clips, models, "painters/pen", monkeypatch)
    np.testing.assert_array_equal(fade[:7], first[:7])  # 30 frames a second
    np.testing.assert_array_equal(fade[15:], last[15:])
    between = [np.abs(fade[number].astype(int) - first[number]).mean() for number in range(6, 16)]
    assert between[0] == 0
    assert between == sorted(between)


def test_a_fade_is_part_of_the_key(clips: Path, models: Path) -> None:
    texts = ["painters/oil", "painters/pen", "painters/oil > painters/pen", "painters/pen > painters/oil"]
    texts += ["painters/oil@1 > painters/pen@2", "painters/oil@1 > painters/pen@3", "painters/oil:2+painters/pen"]
    keys = set()
    for text in texts:
        style = StyleParams(styles={"*": text})
        plan = plan_videos(clips, ["a.mp4"], clips, models, PLANNING, style, SmoothingParams(method="none"))
        keys.add(plan["videos"][0]["source_key"])
    assert len(keys) == len(texts)


def see(count: int, seed: int = 0) -> list[Planes]:
    random = np.random.default_rng(seed)
    rgb = make_frames(count, 32, 48, seed)
    shapes = make_conversion(32, 48).source.shapes
    chroma = [[random.integers(90, 160, shape).astype(np.uint8) for shape in shapes[1:]] for _ in rgb]
    return [(picture[..., 1].copy(), u, v) for picture, (u, v) in zip(rgb, chroma, strict=True)]


@pytest.mark.parametrize("runtime", ["eager", "openvino"])
def test_only_files_with_a_share_are_run(runtime: Any, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if runtime == "openvino":
        pytest.importorskip("openvino")
    paths, conversion = [models.with_name("ink.pth"), models.with_name("painters.pth")], make_conversion(32, 48)
    params, frames = StyleParams(runtime=runtime, threads=1), see(1) * 3
    both = create_stylizer([(1.0, path) for path in paths], conversion, params)
    shares = np.array([[1, 0, 0], [0.5, 0.1, 0.4], [0, 1, 0]], np.float32)
    painted = both.stylize(frames, shares)
    alone = create_stylizer([(1.0, paths[0])], conversion, params).stylize(frames[:1])[0]
    other = create_stylizer([((1.0, 0.0), paths[1])], conversion, params).stylize(frames[:1])[0]
    for found, expected in ((painted[0], alone), (painted[2], other)):
        for plane, wanted in zip(found, expected, strict=True):
            np.testing.assert_array_equal(plane, wanted)
    assert np.abs(painted[1][0].astype(int) - painted[0][0]).mean() > 1
    one_by_one = [both.stylize([frame], row[None])[0] for frame, row in zip(frames, shares, strict=True)]
    for found, expected in zip(painted, one_by_one, strict=True):
        np.testing.assert_array_equal(found[0], expected[0])


@pytest.mark.parametrize("weights", [[0.0], [-1.0], [(1.0, 1.0)]])
def test_weights_that_mean_nothing_are_refused(weights: list[Any], models: Path) -> None:
    with pytest.raises(ValueError, match="each style needs a weight"):
        create_stylizer([(weights[0], models)], make_conversion(32, 48), StyleParams(runtime="eager"))
