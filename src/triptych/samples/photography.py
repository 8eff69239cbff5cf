"""What light, lens and sensor do to a picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from triptych.samples.colours import Picture, as_picture


def expose(picture: Picture, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Make a photo of a perfect picture: uneven light, vignette, tint, blur, noise.

    Args:
        picture: RGB in [0, 1], shape (height, width, 3).
        rng: Source of chance.

    Returns:
        RGB, shape (height, width, 3).
    """
    height, width = picture.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.2)
    light = 1 + slope * (np.cos(angle) * x + np.sin(angle) * y)
    light *= 1 - rng.uniform(0, 0.22) * (x**2 + y**2) / 2
    tint = 1 + rng.normal(0, 0.035, 3)
    grey = picture.mean(axis=2, keepdims=True)
    picture = grey + (picture - grey) * rng.uniform(0.75, 1.0)
    photo = picture * light[..., None] * tint * rng.uniform(0.85, 1.12)
    photo = np.clip(photo, 0, 1) ** rng.uniform(0.82, 1.12)
    # Blur is measured in pixels of a photo of 384 x 256, so that larger photos look alike.
    sigma = rng.choice([rng.uniform(0.2, 0.45), rng.uniform(0.45, 0.85)]) * height / 256
    photo = as_picture(cv2.GaussianBlur(as_picture(photo), (0, 0), float(sigma)))
    grain = rng.normal(0, rng.uniform(0.003, 0.012), photo.shape)
    return np.asarray(np.round(np.clip(photo + grain, 0, 1) * 255), dtype=np.uint8)
