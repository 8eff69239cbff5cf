"""The container that keeps most, and a warning for what it cannot."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from tests.video.trips import FAST, PLANNING, ClipMaker
from triptych.video.media.containers import CONTAINERS, choose_container
from triptych.video.media.info import StreamInfo
from triptych.video.planning.probing import VideoInfo, probe_video


@pytest.fixture
def info(clip: ClipMaker) -> VideoInfo:
    return probe_video(clip("no_audio.mp4"), PLANNING)


def add(info: VideoInfo, *others: tuple[str, str], **changes: Any) -> VideoInfo:
    streams = tuple(StreamInfo(i + 1, kind, codec) for i, (kind, codec) in enumerate(others))
    return replace(info, streams=(info.streams[0], *streams), **changes)


MILLISECONDS: dict[str, Any] = {"time_base": Fraction(1, 1000), "pts": (0, 33, 67)}
NTSC: dict[str, Any] = {"time_base": Fraction(1001, 30000), "pts": (0, 1, 2)}


@pytest.mark.parametrize(
    ("source", "others", "times", "chosen"),
    [
        ("mp4", [("audio", "aac"), ("subtitle", "mov_text")], NTSC, "mp4"),
        ("mov", [("audio", "pcm_s16le")], NTSC, "mov"),
        ("mkv", [("audio", "vorbis"), ("subtitle", "ass"), ("attachment", "")], MILLISECONDS, "mkv"),
        ("webm", [("audio", "opus")], MILLISECONDS, "mkv"),
        ("avi", [("audio", "mp3")], NTSC, "mp4"),
        ("avi", [("audio", "pcm_s16le")], NTSC, "mov"),
        ("avi", [("audio", "mp3")], MILLISECONDS, "mkv"),
        ("h264", [], NTSC, "mp4"),
        ("flv", [("audio", "aac")], MILLISECONDS, "mkv"),
        ("mpegts", [("audio", "aac")], {"time_base": Fraction(1, 90000), "pts": (3003, 6006)}, "mpegts"),
        ("mpegts", [("audio", "aac")], {"time_base": Fraction(1, 90000), "pts": (2**33 - 1, 2**33 + 3002)}, "mp4"),
        # Sound weighs more than exact times.
        ("avi", [("audio", "wmav2")], NTSC, "mkv"),
    ],
)
def test_choice(
    source: str, others: list[tuple[str, str]], times: dict[str, Any], chosen: str, info: VideoInfo
) -> None:
    container, _ = choose_container(add(info, *others, container=source, **times), FAST)
    assert container is CONTAINERS[chosen]


def test_what_cannot_be_held_is_told(info: VideoInfo) -> None:
    described = add(info, ("audio", "vorbis"), ("subtitle", "subrip"), ("data", ""), container="webm")
    container, warnings = choose_container(described, FAST.replace(container="mp4"))
    assert container.suffix == ".mp4"
    assert warnings == [
        "mp4 cannot hold audio stream 1 (vorbis): it is left out",
        "mp4 cannot hold subtitle stream 2 (subrip): it is left out",
    ]
    assert choose_container(replace(info, **NTSC), FAST.replace(container="mkv"))[1] == [
        "mkv cannot express the times of all frames exactly"
    ]
