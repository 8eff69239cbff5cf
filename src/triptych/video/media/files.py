"""Open files for reading, safely: no playlists, no addresses, no surprises from tags in old encodings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from triptych.video.media.failures import refusing_garbage

__all__ = ["RAW_FORMATS", "open_media", "read_packets"]

RAW_FORMATS = ("h264", "hevc", "m4v", "mpegvideo", "obu")
# Only real video files: playlists would open other files and addresses, and pictures and text decode as video too.
FORMATS = ("mov", "matroska", "webm", "avi", "mpegts", "mpeg", "flv", "asf", "ogg", "ivf", "nut", "mxf", "dv",
           *RAW_FORMATS)  # fmt: skip


def open_media(path: Path, timeout_s: float | None = None) -> InputContainer:
    """Open a video file.

    The path is made absolute, as FFmpeg takes a name like `pipe:0` for an address.

    Args:
        path: The file.
        timeout_s: Give up on opening, and on any single read, after so long.

    Raises:
        av.FFmpegError: It is no video file of a supported kind.
        VideoRefusedError: It is one on which PyAV trips.
    """
    with refusing_garbage():
        return av.open(
            str(path.absolute()),
            options={"format_whitelist": ",".join(FORMATS)},
            metadata_errors="replace",
            timeout=timeout_s,
        )


def read_packets(container: InputContainer, streams: Sequence[Stream]) -> Iterator[Packet[Any]]:
    """Yield the packets of some streams in the file's order, then an empty one for each.

    Empty packets among them, by which Theora and AVI repeat a frame, are no frames and are passed over.

    PyAV 18 trips, at the end, over streams that appear after the first packets (transport streams): all packets
    have been read by then.
    """
    try:
        if streams:
            for packet in container.demux(*streams):
                if packet.size or (packet.pts is None and packet.dts is None):
                    yield packet
    except IndexError:
        return
