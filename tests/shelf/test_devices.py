from __future__ import annotations

import cv2
import pytest
import torch

from triptych.shelf.devices import autocast, choose_dtype, fast_kernels, limited_threads

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [({"avx512_bf16": True}, torch.bfloat16), ({"amx_bf16": True}, torch.bfloat16), ({"avx2": True}, torch.float32)],
)
def test_bfloat16_is_used_where_the_processor_has_it(
    capabilities: dict[str, bool], expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose_dtype("auto", CPU) == expected
    assert choose_dtype("fp32", CPU) == torch.float32
    assert choose_dtype("bf16", CPU) == torch.bfloat16


@pytest.mark.parametrize(("native", "expected"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_gpu_without_bfloat16_computes_in_float16(
    native: bool, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native or including_emulation)
    assert choose_dtype("auto", torch.device("cuda")) == expected


def test_a_processor_keeps_its_kernels() -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark
    with fast_kernels(CPU):
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark) == before
    with fast_kernels(torch.device("cuda")):
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark) == ("high", True)
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.benchmark) == before


def test_autocast_computes_in_the_type() -> None:
    layer, values = torch.nn.Linear(4, 4), torch.ones(2, 4)
    for dtype in (torch.float32, torch.bfloat16):
        with autocast(CPU, dtype):
            assert layer(values).dtype == dtype


@pytest.mark.parametrize(
    ("given", "torchrun", "local_ranks", "expected"),
    [("3", False, 1, 3), ("", False, 2, 4), ("", False, 1, 8), ("1", True, 2, 4), ("", False, 100, 1)],
)
def test_ranks_share_the_cores(
    given: str, torchrun: bool, local_ranks: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triptych.parallel.count_cores", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(local_ranks))
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    if torchrun:
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    before = torch.get_num_threads(), cv2.getNumThreads()
    with limited_threads() as threads:
        assert threads == torch.get_num_threads() == expected
        assert cv2.getNumThreads() == 1
    assert (torch.get_num_threads(), cv2.getNumThreads()) == before
