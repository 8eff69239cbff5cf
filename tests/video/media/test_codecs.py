"""What is asked of an encoder is there, or it is said what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from triptych.errors import InputError
from triptych.video.media import codecs
from triptych.video.media.codecs import choose_encoder, describe_codec, name_encoder
from triptych.video.media.ffmpeg import list_encoders
from triptych.video.media.planes import Layout
from triptych.video.params import EncodingParams

LAYOUT = Layout(48, 64, 2, 2)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """What FFmpeg has is asked once a process."""
    yield
    list_encoders.cache_clear()
    codecs._try_encoder.cache_clear()


def replace_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    list_encoders.cache_clear()
    codecs._try_encoder.cache_clear()


def test_the_ffmpeg_that_is_installed_has_them_all() -> None:
    assert {"libx264", "libx265", "libsvtav1"} <= list_encoders()
    for codec in ("h264", "hevc", "av1"):
        encoding = EncodingParams(codec=codec, encoder="software")
        assert choose_encoder(encoding) == encoding


def test_an_encoder_that_is_missing_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_ffmpeg(tmp_path, monkeypatch, "echo ' V....D libx264  H.264'")
    assert choose_encoder(EncodingParams()).encoder == "software"
    with pytest.raises(InputError, match=r"no encoder libsvtav1 .* take one of \['h264'\], or the FFmpeg of imageio"):
        choose_encoder(EncodingParams(codec="av1"))


def test_a_card_that_is_missing_is_said_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_ffmpeg(tmp_path, monkeypatch, "echo 'Cannot load libcuda.so.1' >&2; exit 1")
    with pytest.raises(InputError, match=r"nvenc, which cannot encode h264 here: .*libcuda.* Take software, or auto"):
        choose_encoder(EncodingParams(encoder="nvenc"))


def test_auto_takes_a_card_that_encodes_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = "case \"$*\" in *-encoders*) echo ' V....D libx264  H.264';; "
    monkeypatch.setattr(codecs, "_DRIVER", tmp_path)
    replace_ffmpeg(tmp_path, monkeypatch, listing + "*) exit 0;; esac")
    assert choose_encoder(EncodingParams()).encoder == "nvenc"
    assert choose_encoder(EncodingParams(bit_depth=10)).encoder == "software"  # of which no card has H.264
    replace_ffmpeg(tmp_path, monkeypatch, listing + "*) exit 1;; esac")
    assert choose_encoder(EncodingParams()).encoder == "software"


def test_without_a_driver_no_card_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "_DRIVER", tmp_path / "none")
    monkeypatch.setattr(codecs, "_try_encoder", lambda _: pytest.fail("tried"))
    assert choose_encoder(EncodingParams()).encoder == "software"


@pytest.mark.parametrize(
    ("values", "said"),
    [({"container": "webm"}, "set codec to av1"), ({"encoder": "nvenc", "bit_depth": 10}, "no H.264 of 10 bits"),
     ({"encoder": "nvenc", "bit_depth": "source"}, "no H.264 of 10 bits")],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_with_the_parameters(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        EncodingParams(**values)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
@pytest.mark.parametrize("encoder", ["software", "nvenc"])
def test_quality_goes_down_with_crf_on_every_scale(codec: str, encoder: str) -> None:
    def read(crf: int) -> int:
        encoding = EncodingParams(codec=codec, encoder=encoder, crf=crf)  # type: ignore[arg-type]
        options = describe_codec(LAYOUT, encoding)
        assert options["vcodec"] == name_encoder(encoding)
        return int(options["cq"] if encoder == "nvenc" else options["crf"])

    scale = [read(crf) for crf in range(1, 52)]
    assert scale == sorted(scale)
    assert scale[0] >= 1
    assert scale[-1] <= (63 if codec == "av1" else 51)
    lossless = describe_codec(LAYOUT, EncodingParams(codec=codec, encoder=encoder, crf=0))  # type: ignore[arg-type]
    assert not {"crf", "cq"} & set(lossless)
