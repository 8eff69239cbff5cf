"""Codecs of the result: which encoder makes them, and what the parameters mean to each.

`crf` is on x264's scale. The others get what gave the same PSNR on two public clips of 640x360 at CRF 18 and 28
(`veryfast`, means of both): x265 one more; SVT-AV1, whose scale ends at 63, 20 where x264 has 18, and 2.5 for each
step from there. 0 is lossless with each. `preset` has x264's names, which x265 shares.

All are set to be cut and joined: groups of pictures are closed, every packet shows one frame in the order of time (no
B-frames with H.264 and HEVC; with AV1 frames that are not shown travel within the packet of one that is), and what the
bytes depend on, such as threads, is fixed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import ffmpeg  # type: ignore[import-untyped]

from triptych.errors import InputError
from triptych.video.media.ffmpeg import FFmpegError, list_encoders, run_ffmpeg
from triptych.video.media.planes import Layout
from triptych.video.params import EncodingParams

__all__ = ["choose_encoder", "describe_codec", "describe_tags", "find_size_fault", "limit_rate", "name_encoder"]

ENCODER_THREADS = 4
SOFTWARE = {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1"}
NVENC = {"h264": "h264_nvenc", "hevc": "hevc_nvenc", "av1": "av1_nvenc"}
SVT_PRESETS = {"ultrafast": 12, "superfast": 11, "veryfast": 10, "faster": 9, "fast": 8, "medium": 6, "slow": 4}
SVT_LOSSLESS = 8  # what it makes without loss by quicker presets (12, in 4.2) no decoder takes
SVT_FASTEST = 240  # frames a second; it refuses more
NVENC_PRESETS = {"ultrafast": "p1", "superfast": "p2", "veryfast": "p3", "faster": "p4", "fast": "p4", "medium": "p5",
                 "slow": "p6"}  # fmt: skip
LEAST_PX = {"libx265": 16, "libsvtav1": 4}  # of a side; smaller frames they refuse, or fail on with odd reasons
NVENC_LEAST_PX = 256  # of a side; of smaller frames a card is asked, as their limits differ
TRIAL_S = 30.0
_DRIVER = Path("/proc/driver/nvidia")


def name_encoder(encoding: EncodingParams) -> str:
    """Name FFmpeg's encoder; `auto` counts as software, as `choose_encoder` chooses before."""
    return (NVENC if encoding.encoder == "nvenc" else SOFTWARE)[encoding.codec]


def choose_encoder(encoding: EncodingParams) -> EncodingParams:
    """Choose between card and processor, and see that what is chosen is there.

    Args:
        encoding: `auto` takes the card where it encodes a frame, and the processor elsewhere.

    Returns:
        The same with `software` or `nvenc` as encoder.

    Raises:
        InputError: The encoder that is asked for is missing; the message says what to do.
    """
    if encoding.encoder == "auto":
        return encoding.replace(encoder="nvenc") if _has_card(encoding) else _see(encoding.replace(encoder="software"))
    return _see(encoding)


def _see(encoding: EncodingParams) -> EncodingParams:
    if reason := _find_fault(encoding):
        raise InputError(reason)
    return encoding


def _has_card(encoding: EncodingParams) -> bool:
    """Tell whether a card encodes this; only where there is a driver is it tried (Windows does not say)."""
    deep_h264 = encoding.codec == "h264" and encoding.bit_depth != 8  # no card has it
    driver = _DRIVER.exists() or os.name == "nt"
    return driver and not deep_h264 and not _try_encoder(encoding.replace(encoder="nvenc"))


def _find_fault(encoding: EncodingParams) -> str:
    if encoding.encoder == "nvenc":
        why = _try_encoder(encoding)
        return (
            f"video.encoding.encoder is nvenc, which cannot encode {encoding.codec} here: {why}. "
            "Take software, or auto, which uses the card where it can"
            if why
            else ""
        )
    name = name_encoder(encoding)
    if name in list_encoders():
        return ""
    there = [codec for codec, encoder in SOFTWARE.items() if encoder in list_encoders()]
    return (
        f"FFmpeg has no encoder {name} for video.encoding.codec {encoding.codec}: take one of {there}, or the FFmpeg "
        "of imageio-ffmpeg as in requirements.lock, which has all (it is passed over where IMAGEIO_FFMPEG_EXE is set)"
    )


def find_size_fault(layout: Layout, encoding: EncodingParams) -> str:
    """Say why frames are too small for an encoder; empty if they are not.

    Args:
        layout: Of the frames it would be given.
        encoding: What encodes is chosen.
    """
    name, side = name_encoder(encoding), min(layout.height, layout.width)
    if encoding.encoder == "nvenc":
        least = NVENC_LEAST_PX if side < NVENC_LEAST_PX and _try_encoder(encoding, layout) else 0
    else:
        least = LEAST_PX.get(name, 0)
    if side >= least:
        return ""
    size = f"{layout.width}x{layout.height}"
    return f"{name} cannot encode frames of {size}: set video.encoding.codec to h264, and encoder to software"


@lru_cache(maxsize=64)
def _try_encoder(encoding: EncodingParams, layout: Layout | None = None) -> str:
    """Encode a frame; give the reason why that is not possible, empty if it is."""
    layout = layout or Layout(256, 256, 2, 2, 8 if encoding.bit_depth == 8 else 10)
    picture = ffmpeg.input(f"color=size={layout.width}x{layout.height}:rate=25", format="lavfi")
    options = describe_codec(layout, encoding)
    try:
        run_ffmpeg(picture.output("-", format="null", **{"frames:v": 1}, **options), TRIAL_S)
    except FFmpegError as error:
        return str(error)
    return ""


@dataclass(frozen=True)
class _Quality:
    """What `crf` and `preset` of the parameters are to an encoder.

    Attributes:
        crf: On its own scale.
        lossless: Whether nothing is to be lost.
        preset: x264's name.
    """

    crf: int
    lossless: bool
    preset: str


def describe_codec(layout: Layout, encoding: EncodingParams) -> dict[str, Any]:
    """Describe the encoder to FFmpeg.

    Args:
        layout: How the planes it is given lie.
        encoding: Codec, encoder, quality; `auto` counts as software.

    Returns:
        Options of an output.
    """
    name = name_encoder(encoding)
    quality = _Quality(_scale_crf(encoding), encoding.crf == 0, encoding.preset)
    options: dict[str, Any] = {"vcodec": name, "pix_fmt": layout.pixel_format, "fflags": "+bitexact"}
    options["flags:v"] = "+bitexact+cgop"
    describe = {"libx264": _describe_x264, "libx265": _describe_x265, "libsvtav1": _describe_svt}
    return options | describe.get(name, _describe_nvenc)(quality, layout)


def limit_rate(rate: Fraction, encoding: EncodingParams) -> Fraction:
    """Give the rate to tell an encoder of; when frames are shown is said where segments are joined."""
    return min(rate, Fraction(SVT_FASTEST)) if name_encoder(encoding) == SOFTWARE["av1"] else rate


def describe_tags(primaries: str, encoding: EncodingParams) -> tuple[str, dict[str, Any]]:
    """Say which primaries an encoder is to be told, and what puts those into its packets that it does not take.

    x265 knows no more than the first 12 of H.273, and ends at once if told of others.
    """
    if primaries == "ebu3213" and name_encoder(encoding) == SOFTWARE["hevc"]:
        return "unknown", {"bsf:v": "hevc_metadata=colour_primaries=22"}
    return primaries, {}


def _scale_crf(encoding: EncodingParams) -> int:
    if encoding.codec == "av1":
        return max(1, min(63, round(20 + 2.5 * (encoding.crf - 18))))
    return min(51, encoding.crf + 1) if encoding.codec == "hevc" else encoding.crf


def _describe_x264(quality: _Quality, layout: Layout) -> dict[str, Any]:
    del layout
    rate = {"qp": 0} if quality.lossless else {"crf": quality.crf}
    return {"preset": quality.preset, "bf": 0, "threads": ENCODER_THREADS, **rate}


def _describe_x265(quality: _Quality, layout: Layout) -> dict[str, Any]:
    """Frames at work at once change the bytes, so their number is fixed, not taken from the cores."""
    del layout
    settings = {"bframes": 0, "open-gop": 0, "info": 0, "log-level": "none"}
    settings |= {"pools": ENCODER_THREADS, "frame-threads": 2}
    rate: dict[str, Any] = {"crf": quality.crf}
    if quality.lossless:
        settings["lossless"], rate = 1, {}
    parameters = ":".join(f"{name}={value}" for name, value in settings.items())
    return {"preset": quality.preset, "x265-params": parameters, **rate}


def _describe_svt(quality: _Quality, layout: Layout) -> dict[str, Any]:
    del layout
    settings, preset = {"irefresh-type": 2, "lp": ENCODER_THREADS}, SVT_PRESETS[quality.preset]
    rate: dict[str, Any] = {"crf": quality.crf}
    if quality.lossless:
        settings["lossless"], rate, preset = 1, {}, min(preset, SVT_LOSSLESS)
    parameters = ":".join(f"{name}={value}" for name, value in settings.items())
    return {"preset": preset, "svtav1-params": parameters, **rate}


def _describe_nvenc(quality: _Quality, layout: Layout) -> dict[str, Any]:
    rate = {"tune": "lossless"} if quality.lossless else {"rc": "vbr", "cq": quality.crf, "b:v": 0}
    options = {"preset": NVENC_PRESETS[quality.preset], "bf": 0, "strict_gop": 1, "forced-idr": 1, **rate}
    if layout.bits > 8:  # cards take planes of chroma that are interleaved, or of 16 bits
        options["pix_fmt"] = "p010le" if layout.across > 1 else "yuv444p16le"
    return options
