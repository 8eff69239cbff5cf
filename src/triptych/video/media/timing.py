"""When frames are shown, read from the packets of a stream without decoding them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from triptych.video.media.files import read_packets
from triptych.video.media.info import VideoRefusedError

__all__ = ["PacketTiming", "measure_rate", "read_timing"]

FALLBACK_RATE = Fraction(25)
SLOWEST, FASTEST = Fraction(1, 1000), Fraction(1000)
SHOW_FRAME = 0x10


@dataclass
class PacketTiming:
    """What the packets of a video stream say."""

    shown: dict[int, int] = field(default_factory=dict)
    """Presentation time to duration, of every frame shown, in ticks."""
    keyframes: list[int] = field(default_factory=list)
    """Presentation times of keyframes."""
    packets: int = 0
    """Frames shown, timed or not."""
    untimed: int = 0
    """Frames without presentation time."""
    repeated: int = 0
    """Frames with the presentation time of another."""
    damaged: int = 0
    """Packets that are marked as incomplete."""

    def drop_before(self, first: int) -> int:
        """Drop the frames before a time and count them."""
        lost = [pts for pts in self.shown if pts < first]
        for pts in lost:
            del self.shown[pts]
        self.keyframes = [pts for pts in self.keyframes if pts >= first]
        return len(lost)

    def last_duration(self, rate: Fraction, time_base: Fraction) -> int:
        """Return the ticks for which the last frame is shown: as stated, else as long as the one before."""
        last = sorted(self.shown)[-2:]
        if not last:
            return 1
        before = last[-1] - last[0]
        return self.shown[last[-1]] or before or max(1, round(1 / (rate * time_base)))


Watch = Callable[["Packet[Any]"], None]


def read_timing(container: InputContainer, stream: VideoStream, watch: Watch | None = None) -> PacketTiming:
    """Read all packets of a stream.

    Args:
        container: The open file.
        stream: Its video.
        watch: Is shown the packets of all other streams.

    Raises:
        VideoRefusedError: There are no frames.
    """
    timing = PacketTiming()
    is_vp8 = stream.codec_context.name == "vp8"
    latest: dict[int, int] = {}
    for packet in read_packets(container, list(container.streams)):
        if packet.stream_index != stream.index:
            _check_order(packet, latest)
            if watch:
                watch(packet)
            continue
        # Frames of VP8 without its show_frame bit (RFC 6386, 9.1) only serve others.
        hidden = packet.is_discard or (is_vp8 and packet.size and not memoryview(packet)[0] & SHOW_FRAME)
        if not packet.size or hidden:
            continue
        timing.packets += 1
        timing.damaged += packet.is_corrupt
        if packet.pts is None:
            timing.untimed += 1
            continue
        timing.repeated += packet.pts in timing.shown
        timing.shown[packet.pts] = packet.duration or 0
        if packet.is_keyframe:
            timing.keyframes.append(packet.pts)
    if not timing.packets:
        raise VideoRefusedError("its video has no frames")
    return timing


def _check_order(packet: Packet[Any], latest: dict[int, int]) -> None:
    """Refuse sound whose timestamps go back, as after a jump in a recording: no container takes it."""
    if packet.dts is None or packet.stream.type != "audio":
        return
    if packet.dts < latest.get(packet.stream_index, packet.dts):
        at = float(packet.dts * packet.time_base)
        raise VideoRefusedError(f"the timestamps of audio stream {packet.stream_index} go back at {at:.3f} s")
    latest[packet.stream_index] = packet.dts


def measure_rate(stream: VideoStream, pts: tuple[int, ...], time_base: Fraction) -> Fraction:
    """Return the stated average rate where the presentation times bear it out, else the rate they give.

    Without at least two of them it is the rate that the coded frames state.
    """
    if len(pts) < 2:
        coded = stream.guessed_rate or stream.average_rate or FALLBACK_RATE
        return min(max(Fraction(coded), SLOWEST), FASTEST)
    stated = stream.average_rate
    measured = (len(pts) - 1) / ((pts[-1] - pts[0]) * time_base)
    rate = stated if stated and abs(stated / measured - 1) < 0.01 else measured.limit_denominator(1001)
    return min(max(Fraction(rate), SLOWEST), FASTEST)
