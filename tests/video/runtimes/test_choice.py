import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.video.styles import make_conversion, make_frames, save_style
from triptych.openvino_models import has_openvino
from triptych.parallel import count_cores, count_threads
from triptych.video.media.conversion import Conversion
from triptych.video.params import StyleParams
from triptych.video.runtimes import choice as runtimes
from triptych.video.runtimes import making
from triptych.video.runtimes.choice import choose_runtime
from triptych.video.runtimes.eager import build_eager
from triptych.video.runtimes.hardware import describe_machine, fit_batch
from triptych.video.runtimes.making import create_painter, create_stylizer

CONVERSION = make_conversion(64, 96)
FRAME = CONVERSION.to_planes(make_frames(1, 64, 96)[0])


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return save_style(tmp_path, 1)


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stands for all runtimes; eager computes unless a test says otherwise."""
    monkeypatch.setattr(runtimes, "find_gpu", lambda: None)
    monkeypatch.setattr(runtimes, "has_openvino", lambda: True)
    found: dict[str, Any] = dict.fromkeys(("eager", "openvino", "compile"), build_eager)
    monkeypatch.setattr(making, "_find_build", found.__getitem__)
    return found


def _slow(seconds: float, error: int = 0) -> Any:
    import time

    def build(module: Any, examples: Any, threads: int) -> Any:
        engine = build_eager(module, examples, threads)

        def run(*inputs: Any) -> Any:
            time.sleep(seconds)
            return [engine(*inputs)[0] ^ error]

        return run

    return build


def test_a_runtime_that_is_asked_for_is_taken_unmeasured(style: Path) -> None:
    assert choose_runtime([(1.0, style)], FRAME, CONVERSION, 10, StyleParams(runtime="compile")) == runtimes.Choice(
        "compile", {}
    )


def test_the_fastest_wins_and_a_line_is_logged(
    style: Path, builds: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    builds["eager"] = _slow(0.2)
    with caplog.at_level(logging.INFO):
        choice = choose_runtime([(1.0, style)], FRAME, CONVERSION, 1000, StyleParams(runtime="auto"))
    assert choice.runtime == "openvino"
    assert choice.measured["eager"]["ms_per_frame"] >= 200
    assert choice.measured["eager"]["max_difference"] == 0
    assert choice.measured["openvino"]["max_difference"] <= 1
    assert choice.measured["cuda"] == {"left_out": "no GPU"}
    assert "too few" in choice.measured["compile"]["left_out"]
    assert sum("Runtime openvino" in record.message for record in caplog.records) == 1


def test_the_fastest_loses_if_its_pixels_are_wrong(style: Path, builds: dict[str, Any]) -> None:
    builds["eager"], builds["openvino"] = _slow(0.1), _slow(0, error=16)
    choice = choose_runtime([(1.0, style)], FRAME, CONVERSION, 100, StyleParams(runtime="auto", pixel_tolerance=4))
    assert choice.runtime == "eager"
    assert "more than 4 of 255" in choice.measured["openvino"]["left_out"]


def test_what_raises_is_left_out_with_the_reason(style: Path, builds: dict[str, Any]) -> None:
    def fail(*_: object) -> Any:
        raise RuntimeError("no such instruction\nand much more")

    builds["openvino"] = fail
    choice = choose_runtime([(1.0, style)], FRAME, CONVERSION, 100, StyleParams(runtime="auto"))
    assert choice.runtime == "eager"
    assert choice.measured["openvino"] == {"left_out": "RuntimeError: no such instruction"}


def test_compiling_is_tried_where_there_is_enough_to_do(style: Path, builds: dict[str, Any]) -> None:
    builds["eager"], builds["openvino"], builds["compile"] = _slow(0.2), _slow(0.15), _slow(0)
    few = choose_runtime([(1.0, style)], FRAME, CONVERSION, 100, StyleParams(runtime="auto"))
    assert few.runtime == "openvino"
    many = choose_runtime([(1.0, style)], FRAME, CONVERSION, 10_000, StyleParams(runtime="auto", strength=0.99))
    assert many.runtime == "compile"


def test_setting_up_counts(style: Path, builds: dict[str, Any]) -> None:
    import time

    def build(*arguments: Any) -> Any:
        time.sleep(1)
        return build_eager(*arguments)

    builds["eager"], builds["openvino"] = _slow(0.1), build
    assert choose_runtime([(1.0, style)], FRAME, CONVERSION, 2, StyleParams(runtime="auto")).runtime == "eager"


def test_large_frames_are_tried_in_part(style: Path, builds: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    real = create_stylizer

    def create(styles: Any, conversion: Conversion, params: StyleParams) -> Any:
        sizes.append((conversion.source.height, conversion.source.width))
        return real(styles, conversion, params)

    monkeypatch.setattr(runtimes, "create_stylizer", create)
    conversion = make_conversion(300, 500)
    frame = conversion.to_planes(make_frames(1, 300, 500)[0])
    choose_runtime([(1.0, style)], frame, conversion, 1, StyleParams(runtime="auto", max_tile_pixels=65_536))
    assert sizes
    assert all(30_000 < height * width <= 65_536 for height, width in sizes)


def test_asked_again_for_the_same_it_gives_the_same_until_the_file_changes(style: Path) -> None:
    import os

    params = StyleParams(runtime="eager")
    first = create_painter([(1.0, style)], (32, 48), params)
    assert create_painter([(1.0, style)], (32, 48), params) is first
    os.utime(style, ns=(1, 1))
    assert create_painter([(1.0, style)], (32, 48), params) is not first


def test_auto_is_no_runtime_to_make(style: Path) -> None:
    with pytest.raises(ValueError, match="runtime must be chosen"):
        create_stylizer([(1.0, style)], CONVERSION, StyleParams(runtime="auto"))


@pytest.mark.skipif(not has_openvino(), reason="OpenVINO is not installed")
def test_openvino_reports_nothing_to_its_makers(style: Path) -> None:
    # In a process of its own: another test may have imported OpenVINO already.
    code = (
        "import sys, pathlib\n"
        "from triptych.video.params import StyleParams\n"
        "from triptych.video.runtimes.making import create_painter\n"
        "create_painter([(1.0, pathlib.Path(sys.argv[1]))], (32, 48), StyleParams(runtime='openvino'))\n"
        "assert 'openvino' in sys.modules\n"
        "assert not [name for name in sys.modules if name.startswith('openvino_telemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", code, str(style)], check=True, timeout=120)


def test_ranks_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triptych.parallel.count_cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    assert (count_threads(0), count_threads(5)) == (2, 5)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "20")
    assert count_threads(0) == 1


def test_the_machine_is_described() -> None:
    assert f"{count_cores()} cores" in describe_machine()


def test_batches_fit_into_memory() -> None:
    assert fit_batch(0, 100, 32) == 1
    assert fit_batch(2**30, 640 * 360, 32) > fit_batch(2**30, 1920 * 1080, 32) >= 1
