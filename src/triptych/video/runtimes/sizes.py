"""The size in which the network sees frames."""

from __future__ import annotations

__all__ = ["STEP", "pad_length", "padded_size", "scale_size"]

STEP = 4  # the network's smallest layers have one value for so many pixels: tiles start at multiples
_SMALLEST = 4 * STEP  # below, the reflection at the network's smallest layers has nothing to reflect


def scale_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Give height and width of frames that are scaled."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def pad_length(length: int) -> int:
    """Give the pixels to add at the end for the network to have multiples of 4, from 16 on."""
    return max(_SMALLEST, -(-length // STEP) * STEP) - length


def padded_size(size: tuple[int, int]) -> tuple[int, int]:
    """Give the height and width the network sees of frames of a size."""
    return size[0] + pad_length(size[0]), size[1] + pad_length(size[1])
