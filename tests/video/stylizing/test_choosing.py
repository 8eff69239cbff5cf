"""An earlier choice of the runtime stands for about as much work, and nothing to do is nothing to choose by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.video.styles import save_style
from tests.video.stylizing.shares import plan, write_clip
from tests.video.trips import FAST
from triptych.video.params import SmoothingParams, StyleParams
from triptych.video.runtimes import choice, making
from triptych.video.stylizing.choosing import choose_runtime_of, choose_tiles_of
from triptych.video.stylizing.store import SegmentStore

NONE = SmoothingParams(method="none")


def test_a_choice_made_for_a_short_clip_does_not_bind_a_long_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is set up quickest wins for the first, and may be the slowest for the second."""
    model, store, tried = save_style(tmp_path, 1), SegmentStore(tmp_path / "segments"), list[int]()
    for name, frames in (("short", 2), ("as_short", 4), ("long", 30)):
        write_clip(tmp_path / name / "a.mp4", frames)

    def choose(_styles: Any, _frame: Any, _conversion: Any, frames: int, _style: Any) -> choice.Choice:
        tried.append(frames)
        return choice.Choice("eager" if frames < 10 else "openvino", {"eager": {}})

    monkeypatch.setattr(choice, "choose_runtime", choose)

    def decide(name: str) -> str:
        folder = tmp_path / name
        videos = plan(folder, model)
        return str(choose_runtime_of(videos, folder, folder, model, StyleParams(), NONE, FAST, store)["runtime"])

    assert [decide(name) for name in ("short", "as_short", "long", "long", "short")] == [
        *("eager", "eager", "openvino", "openvino", "openvino")
    ]
    assert tried == [2, 30]


def test_without_a_video_no_tiles_are_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run without anything new does not end in an error, also where a GPU is named."""
    monkeypatch.setattr(making, "free_gpu_memory", lambda: 2**33)
    assert choose_tiles_of([], tmp_path / "style.pth", StyleParams(), "cuda") == 0
