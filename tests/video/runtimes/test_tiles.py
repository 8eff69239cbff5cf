import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.video.styles import make_frames, make_network
from triptych.video.network.pixels import PixelNetwork, StatisticsNetwork
from triptych.video.runtimes.eager import build_eager
from triptych.video.runtimes.painters import build_run
from triptych.video.runtimes.sizes import STEP
from triptych.video.runtimes.tiles import measure_halo, plan_tiles, reduced_size, run_tiles


@given(st.integers(4, 700), st.integers(4, 700), st.integers(65_536, 600_000), st.integers(1, 6))
def test_tiles_cover_the_frame_once_and_reach_beyond_what_is_taken(h: int, w: int, most: int, blocks: int) -> None:
    size, halo = (STEP * h, STEP * w), measure_halo(blocks)
    plan = plan_tiles(size, most, halo)
    assert plan.size[0] * plan.size[1] <= most
    for length, tile, places in zip(size, plan.size, (plan.rows, plan.columns), strict=True):
        assert tile % STEP == 0
        assert [places[0][1], *(end for _, _, end in places)] == [*(begin for _, begin, _ in places), length]
        for start, begin, end in places:
            assert start % STEP == 0
            assert 0 <= start <= start + tile <= length
            assert begin - start >= halo or start == 0
            assert start + tile - end >= halo or start + tile == length
            assert end > begin


def test_refuses_tiles_too_small_for_the_network() -> None:
    with pytest.raises(ValueError, match="max_tile_pixels is too small"):
        plan_tiles((4000, 4000), 4096, 64)


@given(st.integers(16, 5000), st.integers(16, 5000), st.integers(65_536, 5_000_000))
def test_a_reduced_frame_keeps_its_shape_and_fits(height: int, width: int, most: int) -> None:
    found = reduced_size((height, width), most)
    assert found[0] % STEP == found[1] % STEP == 0
    assert found[0] * found[1] <= most or min(found) == 16
    assert found[0] <= height + STEP
    assert found[1] <= width + STEP


@pytest.mark.parametrize("blocks", [1, 3])
def test_with_the_statistics_of_the_whole_frame_tiles_give_the_same_as_no_tiles(blocks: int) -> None:
    frames = make_frames(1, 160, 256)
    pixels = PixelNetwork([make_network(1, blocks=blocks, styles=3), make_network(2, blocks=1)])
    shares = np.array([[0.3, 0.2, 0.0, 0.5]], np.float32)
    plan = plan_tiles((160, 256), 26_000, measure_halo(blocks))
    assert len(plan.rows) * len(plan.columns) > 1
    statistics = build_eager(StatisticsNetwork(pixels), [], 1)
    engine = build_eager(pixels, [], 1)
    tiled = run_tiles(frames, plan, statistics, engine, (160, 256), shares).astype(int)
    whole = engine(frames, shares)[0].astype(int)
    assert np.abs(tiled - whole).max() <= 1  # a value at .5 may be rounded either way


def test_a_smaller_halo_would_show() -> None:
    frames = make_frames(1, 160, 256)
    pixels = PixelNetwork([make_network(1, blocks=3)])
    plan = plan_tiles((160, 256), 10_000, 8)
    engine = build_eager(pixels, [], 1)
    tiled = run_tiles(frames, plan, build_eager(StatisticsNetwork(pixels), [], 1), engine, (160, 256)).astype(int)
    assert np.abs(tiled - engine(frames)[0].astype(int)).max() > 1


def test_frames_too_large_are_stylized_without_seams() -> None:
    frames, network = make_frames(2, 256, 384), make_network(1)
    with torch.inference_mode():
        run = build_run([network], 1.0, build_eager, (256, 384), 1, 65_536, 1)
        whole = build_run([network], 1.0, build_eager, (256, 384), 1, 10**6, 1)
    difference = run(frames)[0].astype(float) - whole(frames)[0]
    plan = plan_tiles((256, 384), 65_536, measure_halo(1))
    seams = [begin for _, begin, _ in plan.columns[1:]]
    assert seams
    assert 0 < np.abs(difference).mean() < 3
    steps = np.abs(np.diff(difference, axis=2)).mean((0, 1, 3))
    assert steps[[seam - 1 for seam in seams]].max() <= np.quantile(steps, 0.99) * 1.2
