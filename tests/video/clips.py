"""The torture set: small videos of every awkward kind, made by FFmpeg where a test asks for them."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg  # type: ignore[import-untyped]
import numpy as np

# Blurred: single saturated pixels would test the storage of colour, not us.
PICTURE = "testsrc2=size={size}:rate={rate}:duration={seconds},gblur=sigma=2"
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "12", "-pix_fmt", "yuv420p"]
AAC = ["-c:a", "aac", "-b:a", "64k"]

SUBTITLES = """1
00:00:00,100 --> 00:00:00,500
First line

2
00:00:00,600 --> 00:00:00,900
Second line
"""
CHAPTERS = """;FFMETADATA1
title=Torture
[CHAPTER]
TIMEBASE=1/1000
START=0
END=500
title=Beginning
[CHAPTER]
TIMEBASE=1/1000
START=500
END=1200
title=End
"""


def run(*arguments: str | Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-y", "-loglevel", "error"]
    subprocess.run([*command, *map(str, arguments)], check=True, timeout=120)


def picture(size: str = "64x48", rate: str = "30", seconds: float = 1) -> list[str]:
    return ["-f", "lavfi", "-i", PICTURE.format(size=size, rate=rate, seconds=seconds)]


def tone(seconds: float = 1.2, frequency: int = 440) -> list[str]:
    return ["-f", "lavfi", "-i", f"sine=frequency={frequency}:sample_rate=48000:duration={seconds}"]


def short_clip(path: Path, frames: int = 30, seed: int = 0) -> Path:
    """Write a small moving picture without sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 255, (8, 12, 3), dtype=np.uint8).repeat(12, 0).repeat(12, 1)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 144, 96, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(picture, 3 * number, axis=1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def plain(path: Path) -> None:
    run(*picture(), *tone(), *X264, *AAC, path)


def b_frames(path: Path) -> None:
    run(*picture(), *tone(), "-c:v", "libx264", "-bf", "3", "-g", "15", "-pix_fmt", "yuv420p", *AAC, path)


def no_audio(path: Path) -> None:
    run(*picture(), *X264, path)


def fractional_rate(path: Path) -> None:
    run(*picture(rate="30000/1001"), *tone(), *X264, *AAC, path)


def one_frame(path: Path) -> None:
    run(*picture(), *X264, "-frames:v", "1", path)


def odd_size(path: Path) -> None:
    # Scaled, as testsrc2 rounds its size to even numbers.
    run(*picture(), *tone(), "-vf", "scale=65:47", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8",
        *AAC, path)  # fmt: skip


def odd_height(path: Path) -> None:
    run(*picture(), "-vf", "scale=64:47", "-c:v", "mpeg4", "-q:v", "2", path)


def variable_rate(path: Path) -> None:
    keep = "select='not(eq(mod(n,5),2))*not(eq(mod(n,7),3))'"
    run(*picture(), *tone(), "-vf", keep, "-fps_mode", "vfr", "-c:v", "libx264", "-g", "10", "-pix_fmt", "yuv420p",
        *AAC, path)  # fmt: skip


def open_gop_hevc(path: Path) -> None:
    run(*picture(), *tone(), "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-tag:v", "hvc1",
        "-x265-params", "open-gop=1:keyint=10:min-keyint=10:bframes=3:log-level=none:pools=1", *AAC, path)  # fmt: skip


def open_gop_h264(path: Path) -> None:
    run(*picture(), *tone(), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-x264-params",
        "open-gop=1:keyint=10:min-keyint=10:bframes=3", *AAC, path)  # fmt: skip


def edit_list(path: Path) -> None:
    """Cut by -ss with copied packets: the frames before the cut are there, but not shown."""
    whole = path.with_name("whole-" + path.name)
    b_frames(whole)
    run("-ss", "0.7", "-i", whole, "-c", "copy", path)
    whole.unlink()


def start_offset(path: Path) -> None:
    run(*picture(), "-itsoffset", "0.5", *tone(), "-map", "0:v", "-map", "1:a", *X264, *AAC, path)


def video_offset(path: Path) -> None:
    run("-itsoffset", "0.4", *picture(), *tone(), "-map", "0:v", "-map", "1:a", *X264, *AAC, path)


def rotation(path: Path) -> None:
    plain_one = path.with_name("upright-" + path.name)
    plain(plain_one)
    run("-display_rotation", "90", "-i", plain_one, "-c", "copy", path)
    plain_one.unlink()


def two_audio_streams(path: Path) -> None:
    run(*picture(), *tone(), *tone(frequency=880), "-map", "0:v", "-map", "1:a", "-map", "2:a", *X264, *AAC,
        "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu", path)  # fmt: skip


def two_videos(path: Path) -> None:
    run(*picture(), *picture(size="96x64"), *tone(), "-map", "0:v", "-map", "1:v", "-map", "2:a", *X264, *AAC, path)


def subtitles(path: Path) -> None:
    text, codec = path.with_suffix(".srt"), "mov_text" if path.suffix == ".mp4" else "srt"
    text.write_text(SUBTITLES)
    run(*picture(), *tone(), "-i", text, "-map", "0", "-map", "1", "-map", "2", *X264, *AAC, "-c:s", codec,
        "-metadata:s:s:0", "language=eng", path)  # fmt: skip
    text.unlink()


def styled_subtitles(path: Path) -> None:
    """Subtitles that need a font, which is attached."""
    text, font = path.with_suffix(".srt"), path.with_suffix(".ttf")
    text.write_text(SUBTITLES)
    font.write_bytes(bytes(range(256)) * 8)
    run(*picture(), *tone(), "-i", text, "-map", "0", "-map", "1", "-map", "2", *X264, *AAC, "-c:s", "ass",
        "-attach", font, "-metadata:s:t", "mimetype=application/x-truetype-font", path)  # fmt: skip
    text.unlink()
    font.unlink()


def latin_title(path: Path) -> None:
    """A tag that is not UTF-8, as old files have."""
    run(*picture(), *tone(), *X264, *AAC, "-metadata", "title=Caf@", path)
    path.write_bytes(path.read_bytes().replace(b"Caf@", b"Caf\xe9"))


def chapters(path: Path) -> None:
    text = path.with_suffix(".txt")
    text.write_text(CHAPTERS)
    run(*picture(), *tone(), "-i", text, "-map", "0", "-map", "1", "-map_metadata", "2", *X264, *AAC, path)
    text.unlink()


def ten_bit(path: Path) -> None:
    run(*picture(), *tone(), "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params",
        "log-level=none:pools=1", *AAC, path)  # fmt: skip


def full_range(path: Path) -> None:
    run(*picture(), "-vf", "scale=out_range=pc:out_color_matrix=bt709,setparams=range=pc:colorspace=bt709:"
        "color_primaries=bt709:color_trc=bt709", *X264, path)  # fmt: skip


def yuvj(path: Path) -> None:
    run(*picture(), *tone(), "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "2", "-strict", "-1", *AAC, path)


def bt601(path: Path) -> None:
    run(*picture(), "-vf", "scale=out_color_matrix=bt601,setparams=range=tv:colorspace=smpte170m:"
        "color_primaries=smpte170m:color_trc=smpte170m", *X264, path)  # fmt: skip


def rgb(path: Path) -> None:
    run(*picture(), *tone(), "-c:v", "libx264rgb", "-qp", "0", "-pix_fmt", "rgb24", *AAC, path)


def grey(path: Path) -> None:
    run(*picture(), "-c:v", "libx264", "-pix_fmt", "gray", path)


def interlaced(path: Path) -> None:
    run(*picture(rate="60"), *tone(), "-vf", "interlace", "-c:v", "libx264", "-flags", "+ildct+ilme",
        "-pix_fmt", "yuv420p", *AAC, path)  # fmt: skip


def mixed(path: Path, *, interlaced_first: bool = False) -> None:
    """Two seconds progressive, two interlaced, or the reverse, in one stream."""
    parts = [path.with_name(f"{kind}-{path.stem}.ts") for kind in ("progressive", "interlaced")]
    common = ["-g", "15", "-pix_fmt", "yuv420p"]
    run(*picture(seconds=2), "-c:v", "libx264", "-x264-params", "pic-struct=1", *common, parts[0])
    run(
        *picture(rate="60", seconds=2),
        "-vf",
        "interlace",
        "-c:v",
        "libx264",
        "-flags",
        "+ildct+ilme",
        *common,
        parts[1],
    )
    order = parts[::-1] if interlaced_first else parts
    run("-i", f"concat:{order[0]}|{order[1]}", "-c", "copy", "-fflags", "+genpts", path)
    for part in parts:
        part.unlink()


def hdr(path: Path) -> None:
    run(*picture(), *tone(), "-vf", "setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084:range=tv",
        "-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le",
        "-x265-params", "log-level=none:pools=1", *AAC, path)  # fmt: skip


def sample_aspect_ratio(path: Path) -> None:
    run(*picture(), *tone(), "-vf", "setsar=16/15", *X264, *AAC, path)


def cover_picture(path: Path) -> None:
    cover, film = path.with_suffix(".png"), path.with_name("film-" + path.name)
    run(*picture(), "-frames:v", "1", cover)
    plain(film)
    run("-i", film, "-i", cover, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:1", "attached_pic", path)
    cover.unlink()
    film.unlink()


def opus(path: Path) -> None:
    run(*picture(), *tone(), *X264, "-c:a", "libopus", path)


def webm(path: Path) -> None:
    run(*picture(), *tone(), "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus", path)


def webm_vp8(path: Path) -> None:
    run(*picture(), *tone(), "-c:v", "libvpx", "-auto-alt-ref", "1", "-lag-in-frames", "16", "-b:v", "100k",
        "-c:a", "libvorbis", path)  # fmt: skip


def pcm(path: Path) -> None:
    run(*picture(), *tone(), *X264, "-c:a", "pcm_s16le", path)


def surround(path: Path) -> None:
    run(*picture(), *tone(), *X264, "-c:a", "ac3", "-ac", "6", path)


def raw_h264(path: Path) -> None:
    run(*picture(), "-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p", path)


def avi_untimed(path: Path) -> None:
    run(*picture(), *tone(), "-c:v", "libx264", "-bf", "3", "-pix_fmt", "yuv420p", "-c:a", "libmp3lame", path)


def avi_mpeg4(path: Path) -> None:
    run(*picture(), *tone(), "-c:v", "mpeg4", "-q:v", "3", "-c:a", "libmp3lame", path)


def transport_stream(path: Path) -> None:
    run(*picture(rate="30000/1001"), *tone(), "-c:v", "libx264", "-bf", "2", "-g", "12", "-pix_fmt", "yuv420p",
        *AAC, path)  # fmt: skip


def shown_at(start: float = 0) -> list[float]:
    """Return when the frames of `irregular_stream` are shown: at 30 a second, every fifth missing."""
    return [start + n / 30 for n in range(60) if n % 5 != 2]


def irregular_stream(path: Path, start: float = 0, *, regular: bool = False) -> None:
    """A transport stream with B-frames, whose clock begins at `start`; sound begins with the picture."""
    keep = [] if regular else ["-vf", "select='not(eq(mod(n,5),2))'", "-fps_mode", "vfr"]
    run(*picture(seconds=2), *tone(2), *keep, "-c:v", "libx264", "-bf", "2", "-g", "12", "-pix_fmt", "yuv420p",
        *AAC, "-output_ts_offset", str(start), "-muxdelay", "0", "-avoid_negative_ts", "disabled", path)  # fmt: skip


def clear_times(path: Path, clear: Callable[[int], bool]) -> None:
    """Take the timestamps off some pictures of a transport stream, by their number in the order of decoding."""
    data, number = bytearray(path.read_bytes()), 0
    for at in range(0, len(data), 188):
        begins = bool(data[at + 1] & 0x40)
        if not begins or int.from_bytes(data[at + 1 : at + 3], "big") & 0x1FFF != 0x100:
            continue
        header = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
        if clear(number):
            # The header (ISO/IEC 13818-1, 2.4.3.6) keeps its length; what told the times is stuffing.
            length = data[header + 8]
            data[header + 7] &= 0x3F
            data[header + 9 : header + 9 + length] = b"\xff" * length
        number += 1
    path.write_bytes(data)


def program_stream(path: Path) -> None:
    run(*picture(rate="25"), *tone(), "-c:v", "mpeg2video", "-q:v", "3", "-c:a", "mp2", path)


def theora(path: Path) -> None:
    """Every other frame repeats the one before, by an empty packet."""
    run(*picture(rate="25/2"), *tone(), "-vf", "fps=25", "-c:v", "libtheora", "-c:a", "libvorbis", path)


def flash(path: Path) -> None:
    run(*picture(), *tone(), *X264, *AAC, path)


def truncated(path: Path) -> None:
    whole = path.with_name("whole-" + path.name)
    options = ["-movflags", "+faststart"] if path.suffix == ".mp4" else []
    run(*picture(), *tone(), *X264, *AAC, *options, whole)
    path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.7)])
    whole.unlink()


def truncated_without_index(path: Path) -> None:
    whole = path.with_name("whole-" + path.name)
    plain(whole)
    path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.7)])
    whole.unlink()


def scrambled(path: Path) -> None:
    """Overwrite the coded frames of the second half, the structure staying whole."""
    plain(path)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    size = struct.unpack(">I", data[start - 8 : start - 4])[0] - 8
    for i in range(start + size // 2, start + size):
        data[i] = (i * 151 + 17) % 256
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.touch()


def text(path: Path) -> None:
    path.write_text("This is no video. " * 500)


def playlist(path: Path) -> None:
    """A playlist that would make FFmpeg open another file."""
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path.parent / 'secret.ts'}\n#EXT-X-ENDLIST\n")


def png(path: Path) -> None:
    run(*picture(), "-frames:v", "1", "-f", "image2", "-c:v", "png", path)


def audio_only(path: Path) -> None:
    run(*tone(), *AAC, path)


def cover_only(path: Path) -> None:
    sound, cover = path.with_suffix(".m4a"), path.with_suffix(".png")
    run(*tone(), *AAC, sound)
    run(*picture(), "-frames:v", "1", cover)
    run("-i", sound, "-i", cover, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic", path)
    sound.unlink()
    cover.unlink()


Maker = Callable[[Path], None]
# File name: how it is made. All of these come out exact.
EXACT: dict[str, Maker] = {
    "plain.mp4": plain, "plain.mov": plain, "plain.mkv": plain, "b_frames.mp4": b_frames, "b_frames.mkv": b_frames,
    "no_audio.mp4": no_audio, "no_audio.mkv": no_audio, "fractional_rate.mp4": fractional_rate,
    "fractional_rate.mkv": fractional_rate, "one_frame.mp4": one_frame, "odd_size.mp4": odd_size,
    "odd_height.mkv": odd_height, "variable_rate.mp4": variable_rate, "variable_rate.mkv": variable_rate,
    "open_gop_hevc.mp4": open_gop_hevc, "open_gop_hevc.mkv": open_gop_hevc, "open_gop_h264.mp4": open_gop_h264,
    "edit_list.mp4": edit_list, "start_offset.mp4": start_offset, "start_offset.mkv": start_offset,
    "video_offset.mp4": video_offset, "video_offset.mkv": video_offset, "rotation.mp4": rotation,
    "rotation.mov": rotation, "rotation.mkv": rotation, "two_audio_streams.mp4": two_audio_streams,
    "two_audio_streams.mkv": two_audio_streams, "two_videos.mp4": two_videos, "subtitles.mp4": subtitles,
    "subtitles.mkv": subtitles, "styled_subtitles.mkv": styled_subtitles, "latin_title.mkv": latin_title,
    "latin_title.mp4": latin_title,
    "chapters.mp4": chapters, "chapters.mkv": chapters, "ten_bit.mp4": ten_bit,
    "full_range.mp4": full_range, "full_range.mkv": full_range, "yuvj.mov": yuvj, "bt601.mp4": bt601,
    "rgb.mp4": rgb, "grey.mp4": grey, "sample_aspect_ratio.mp4": sample_aspect_ratio,
    "sample_aspect_ratio.mkv": sample_aspect_ratio, "cover_picture.mp4": cover_picture, "opus.mp4": opus,
    "opus.mkv": opus, "webm.webm": webm, "webm_vp8.webm": webm_vp8, "pcm.mov": pcm, "pcm.mkv": pcm,
    "surround.mp4": surround, "avi_mpeg4.avi": avi_mpeg4, "transport_stream.ts": transport_stream,
    "program_stream.mpg": program_stream, "flash.flv": flash, "it's a [bracketed] \"name\" & more.mp4": plain,
}  # fmt: skip
# These are normalised first, with a warning.
NORMALISED: dict[str, Maker] = {
    "interlaced.mp4": interlaced, "interlaced.ts": interlaced, "raw_h264.h264": raw_h264,
    "avi_untimed.avi": avi_untimed,
}  # fmt: skip
# These are refused, for a reason that says so.
REFUSED: dict[str, tuple[Maker, str]] = {
    "hdr.mp4": (hdr, "HDR"),
    "truncated.mp4": (truncated, "cut off"),
    "truncated.mkv": (truncated, "cut off"),
    "truncated.avi": (truncated, "cut off"),
    "truncated_without_index.mp4": (truncated_without_index, "cut off"),
    "empty.mp4": (empty, "empty"),
    "text.mp4": (text, "no video file"),
    "playlist.mp4": (playlist, "no video file"),
    "png.mp4": (png, "no video file"),
    "audio_only.mp4": (audio_only, "no video, only audio"),
    "cover_only.mp4": (cover_only, "no video, only"),
}
MAKERS: dict[str, Maker] = {
    **EXACT,
    **NORMALISED,
    **{name: maker for name, (maker, _) in REFUSED.items()},
    "scrambled.mp4": scrambled,
}
