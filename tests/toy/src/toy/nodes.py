"""draw -> left, right -> join."""

import time

from toy.params import DrawParams, FailParams


def draw(params: DrawParams) -> list[float]:
    """Draw numbers; insists on values of the annotated types."""
    assert isinstance(params.offsets, tuple)
    assert 0 < params.coin.bias < 1
    return [params.scale * number for number in range(params.count)]


def left(numbers: list[float], fail: FailParams) -> list[float]:
    """Pass the numbers on, or fail."""
    if fail.at == "left":
        raise RuntimeError("left was told to fail")
    time.sleep(0.05)
    return numbers


def right(numbers: list[float], fail: FailParams) -> list[float]:
    """Pass the numbers on, or fail, later than `left` ends."""
    time.sleep(0.3)
    if fail.at == "right":
        raise RuntimeError("right was told to fail")
    return numbers


def join(left_numbers: list[float], right_numbers: list[float]) -> list[float]:
    """Put both sides together."""
    return left_numbers + right_numbers
