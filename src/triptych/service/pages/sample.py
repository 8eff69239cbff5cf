"""A small picture in every style, to choose by."""

from __future__ import annotations

import asyncio
import io

from fastapi import Request, Response

from triptych.service.routes.asking import ask_model, check
from triptych.service.served_model import ServedModel

_WIDTH, _HEIGHT = 240, 160
_HILLS = ((98, 14, 90, (96, 120, 140)), (118, 12, 62, (66, 106, 82)), (138, 8, 44, (42, 74, 48)))
_MOST_KEPT = 200


class Samples:
    """Paints the picture in a style once, and keeps it.

    Args:
        timeout_s: For a picture.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._kept: dict[tuple[str | None, str], bytes] = {}
        self._picture = b""

    async def paint(self, request: Request, model: ServedModel, style: str) -> Response:
        """Give the picture in a style.

        Raises:
            HTTPException: If there is no such style, or the model cannot be asked.
        """
        key = (model.status.version, style)
        if key not in self._kept:
            self._picture = self._picture or await asyncio.to_thread(draw_sample)
            job = {"op": "paint", "picture": self._picture, "style": style, "format": "jpeg"}
            painted = check(await ask_model(request, model, job, self._timeout_s))[2]
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = painted
        return Response(self._kept[key], media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


def draw_sample() -> bytes:
    """Draw hills under a low sun, as PNG."""
    import numpy as np
    from PIL import Image, ImageDraw

    fade = np.linspace(0, 1, _HEIGHT)[:, None, None]
    sky = (1 - fade) * np.array([72, 128, 196]) + fade * np.array([250, 214, 165])
    image = Image.fromarray(np.repeat(sky, _WIDTH, axis=1).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    draw.ellipse((150, 52, 190, 92), fill=(255, 240, 190))
    x = np.arange(_WIDTH + 1)
    for top, swing, period, colour in _HILLS:
        line = top - swing * np.sin(2 * np.pi * (x + 3 * top) / period)
        draw.polygon([*zip(x.tolist(), line.tolist(), strict=True), (_WIDTH, _HEIGHT), (0, _HEIGHT)], fill=colour)
    for left, foot in ((40, 132), (66, 140), (208, 136)):
        draw.polygon([(left, foot), (left + 9, foot - 34), (left + 18, foot)], fill=(28, 52, 40))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
