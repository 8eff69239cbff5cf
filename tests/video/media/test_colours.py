"""What the tags of a result are."""

from __future__ import annotations

from dataclasses import replace

from tests.video.trips import PLANNING, ClipMaker
from triptych.video.media.colours import name_tags, tag_output
from triptych.video.media.info import ColourTags
from triptych.video.planning.probing import probe_video


def test_rgb_and_grey_become_tagged_yuv(clip: ClipMaker) -> None:
    plain_info = probe_video(clip("plain.mp4"), PLANNING)
    for pixels in ("gbrp", "gray", "rgb24", "bgra", "pal8"):
        tags = tag_output(replace(plain_info, pixel_format=pixels, colours=ColourTags("pc", "gbr", "bt709", "bt709")))
        assert tags == ColourTags("tv", "smpte170m", "bt709", "bt709")


def test_reserved_codes_are_unknown() -> None:
    assert name_tags(99, 3, 3, 0) == ColourTags()
    assert name_tags(2, 9, 9, 16) == ColourTags("pc", "bt2020nc", "bt2020", "smpte2084")
