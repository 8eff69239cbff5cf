"""What a file says beside its picture is kept, or its loss is said."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import pytest

from tests.video import clips
from tests.video.trips import PLANNING, ClipMaker, send
from triptych.video.planning.probing import probe_video

pytestmark = pytest.mark.timeout(60)
TAGS = {
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.model": "iPhone 15",
    "com.apple.quicktime.location.ISO6709": "+52.5200+013.4050/",
    "title": "Garden",
}


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def make_spherical(source: Path, target: Path) -> None:
    """Put Google's boxes of spherical and stereoscopic video (V2) into the sample entry of an mp4."""
    data, full = source.read_bytes(), bytes(4)
    projection = box(b"proj", box(b"prhd", full, bytes(12)), box(b"equi", full, bytes(16)))
    extra = box(b"st3d", full, b"\1") + box(b"sv3d", box(b"svhd", full, b"maker\0"), projection)
    starts: list[int] = []
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        starts.append(data.index(kind, starts[-1] + 8 if starts else 0) - 4)
    sizes = {at: struct.unpack(">I", data[at : at + 4])[0] for at in starts}
    end = starts[-1] + sizes[starts[-1]]
    longer = bytearray(data[:end] + extra + data[end:])
    for at, size in sizes.items():
        longer[at : at + 4] = struct.pack(">I", size + len(extra))
    target.write_bytes(longer)


@pytest.mark.parametrize("ending", ["mov", "mp4"])
def test_tags_of_phones_are_kept(ending: str, tmp_path: Path) -> None:
    source = tmp_path / f"phone.{ending}"
    tags = [word for name, value in TAGS.items() for word in ("-metadata", f"{name}={value}")]
    clips.run(*clips.picture(), *clips.tone(), *clips.X264, *clips.AAC, "-movflags", "use_metadata_tags", *tags, source)
    _, result = send(source, tmp_path / "out")
    with av.open(str(result)) as container:
        assert {name: container.metadata.get(name) for name in TAGS} == TAGS


@pytest.mark.parametrize("ending", ["webm", "mkv"])
def test_transparency_that_is_only_a_tag_is_noted(ending: str, tmp_path: Path) -> None:
    source = tmp_path / f"alpha.{ending}"
    clips.run("-f", "lavfi", "-i", "testsrc2=size=64x48:duration=1,format=yuva420p", "-c:v", "libvpx-vp9",
              "-auto-alt-ref", "0", "-deadline", "realtime", "-cpu-used", "8", source)  # fmt: skip
    info, result = send(source, tmp_path / "out")
    assert "transparency is not kept" in info.warnings
    with av.open(str(result)) as container:
        assert "alpha_mode" not in {name.lower() for name in container.streams.video[0].metadata}


def test_spherical_and_stereoscopic_video_is_noted(clip: ClipMaker, tmp_path: Path) -> None:
    make_spherical(clip("no_audio.mp4"), tmp_path / "around.mp4")
    assert probe_video(tmp_path / "around.mp4", PLANNING).warnings == (
        "that the source is spherical (360 degrees) is not kept",
        "that the source is stereoscopic (3D) is not kept",
    )
    assert probe_video(clip("no_audio.mp4"), PLANNING).warnings == ()


def test_stereo_that_is_a_tag_is_kept(clip: ClipMaker, tmp_path: Path) -> None:
    source = tmp_path / "stereo.mkv"
    clips.run("-i", clip("plain.mkv"), "-c", "copy", "-metadata:s:v", "stereo_mode=left_right", source)
    info, result = send(source, tmp_path / "out")
    assert info.warnings == ()
    with av.open(str(result)) as container:
        assert container.streams.video[0].metadata["stereo_mode"] == "left_right"
