"""What a GPU gives of planes is what a processor gives, whichever lane a batch takes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.video.network.test_planes import draw
from tests.video.styles import make_conversion, save_style
from triptych.video.params import SMALLEST_TILE, StyleParams
from triptych.video.runtimes import making
from triptych.video.runtimes.making import choose_tile_pixels, create_stylizer


@pytest.mark.gpu
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le", "gbrp"])
@pytest.mark.parametrize("size", [(64, 96), (66, 90)])
def test_planes_from_the_card_are_those_from_the_processor(size: tuple[int, int], pixels: str, tmp_path: Path) -> None:
    conversion, styles = make_conversion(*size, pixels), [(1.0, save_style(tmp_path, 1))]
    source = [draw(conversion.source, seed) for seed in range(12)]
    expected = create_stylizer(styles, conversion, StyleParams(runtime="eager")).stylize(source)
    stylizer = create_stylizer(styles, conversion, StyleParams(runtime="cuda", batch_size=2))
    with ThreadPoolExecutor(stylizer.lanes) as pool:
        batches = pool.map(stylizer.stylize, [source[start : start + 3] for start in range(0, 12, 3)])
        found = [planes for batch in batches for planes in batch]
    assert len(found) == len(expected) == 12
    for one, other in zip(found, expected, strict=True):
        for mine, theirs in zip(one, other, strict=True):
            assert np.abs(mine.astype(int) - theirs).max() <= 14


def test_tiles_on_a_card_are_as_large_as_fits_and_always_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    styles, gib = [save_style(tmp_path, 1)], 2**30

    def choose(free: int, **values: object) -> int:
        monkeypatch.setattr(making, "free_gpu_memory", lambda: free)
        return choose_tile_pixels(styles, StyleParams(**{"runtime": "cuda", **values}))  # type: ignore[arg-type]

    assert choose(12 * gib) == choose(15 * gib) > choose(4 * gib) > choose(0) == SMALLEST_TILE
    assert choose(1000 * gib) == 2**26  # 8192 x 8192, the largest frames that are taken
    assert choose(12 * gib, max_tile_pixels=100_000) == 100_000
    assert choose(12 * gib, runtime="openvino") == 2**22
