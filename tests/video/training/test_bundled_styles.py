"""The bundled styles look like their pictures, in figures: what made them has not got worse."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from triptych.video.network.transformer import load_style
from triptych.video.params import StyleTrainingParams
from triptych.video.training.crops import to_tensor
from triptych.video.training.distributions import PaletteLoss
from triptych.video.training.figures import measure_style
from triptych.video.training.photos import PhotoStream, list_bundled_photos, read_picture
from triptych.video.training.preview import paint
from triptych.video.training.training import scale_style

Picture = NDArray[np.uint8]
FOLDER = Path(__file__).parents[3] / "data" / "01_raw" / "video_style"

pytestmark = pytest.mark.skipif(not find_spec("sklearn"), reason="scikit-learn, which brings photos, is not installed")


@pytest.fixture(scope="module")
def photos() -> list[Picture]:
    stream = PhotoStream([path for path in list_bundled_photos() if path.name in ("china.jpg", "flower.jpg")])
    return [next(stream) for _ in range(2)]


@pytest.fixture(scope="module", params=["dots", "ink", "mosaic", "strokes"])
def style(request: pytest.FixtureRequest) -> tuple[str, Picture]:
    picture = read_picture(FOLDER / f"{request.param}.jpg")
    return request.param, scale_style(picture, StyleTrainingParams().style_px)


def test_a_bundled_style_paints_like_its_picture_and_keeps_the_photo(
    style: tuple[str, Picture], photos: list[Picture]
) -> None:
    figures = measure_style(load_style(FOLDER / "models" / f"{style[0]}.pth"), style[1], photos)
    assert figures["patch_distance"] <= 0.95
    assert figures["structure"] >= 0.8
    # Networks that a random one had trained, which painted ripples in two colours, were .07 to .19 above.
    assert figures["ripple"] <= figures["ripple_of_style"] + 0.05


def test_its_colours_are_those_of_its_picture(style: tuple[str, Picture], photos: list[Picture]) -> None:
    network, palette = load_style(FOLDER / "models" / f"{style[0]}.pth"), PaletteLoss(to_tensor(style[1]))
    torch.manual_seed(0)
    together = torch.cat([to_tensor(paint(network, photo)).flatten(2) for photo in photos], 2)[..., None]
    before = torch.cat([to_tensor(photo).flatten(2) for photo in photos], 2)[..., None]
    assert float(palette(widen(together))) < 0.5 * float(palette(widen(before)))


def widen(pixels: Tensor) -> Tensor:
    """Lay a column of pixels (1, 3, N, 1) in rows of 8, so that means of 8x8 can be taken."""
    return pixels[:, :, : pixels.shape[2] // 64 * 64].reshape(1, 3, -1, 8)
