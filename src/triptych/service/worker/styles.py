"""Pictures in the styles of a folder."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .answers import Answer, Job, RefusedError, explain
from .reading import read_picture


class Styles:
    """The styles of a folder, a picture at a time.

    Args:
        style_model: The default style's file; the others are beside it.
        max_pixels: Of a picture.
    """

    def __init__(self, style_model: str, max_pixels: int) -> None:
        from triptych.video.params import StyleParams
        from triptych.video.previewing.looks import find_looks
        from triptych.video.runtimes.hardware import find_gpu

        self._looks = {look.label: look for look in find_looks(Path(style_model), [])}
        if not self._looks:
            raise ValueError(f"there is no style beside {style_model}")
        self._max_pixels = max_pixels
        self._params = StyleParams(runtime="cuda" if find_gpu() else "eager", batch_size=1)

    def describe(self) -> dict[str, Any]:
        """List the styles."""
        return {"styles": sorted(self._looks)}

    def answer(self, jobs: Sequence[Job]) -> list[Answer]:
        """Paint pictures one after the other."""
        return [self._paint_or_explain(job) for job in jobs]

    def _paint_or_explain(self, job: Job) -> Answer:
        try:
            return self._paint(job)
        except Exception as error:
            return explain(error)

    def _paint(self, job: Job) -> Answer:
        import numpy as np
        from PIL import Image

        from triptych.video.runtimes.making import create_painter

        look = self._looks.get(job["style"])
        if look is None:
            raise RefusedError(f"there is no style {job['style'][:100]!r}: the styles are {', '.join(self._looks)}")
        picture = read_picture(job["picture"], self._max_pixels)
        painter = create_painter([(look.shares, look.path)], picture.shape[:2], self._params)
        shares = [np.array([look.shares], np.float32)] if len(look.shares) > 1 else []
        painted = Image.fromarray(painter.paint(picture[None], *shares)[0])
        file = io.BytesIO()
        if job["format"] == "png":
            painted.save(file, "PNG", compress_level=1)
        else:
            painted.save(file, "JPEG", quality=92, subsampling=0)
        return 200, f"image/{job['format']}", file.getvalue()
