"""One whole run of faq and faq_score on the bundled sample, shared by the tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# The machine may be shared; the figures do not depend on it.
ONE_CORE: dict[str, Any] = {
    "ingest": {"workers": 1},
    "retrieval": {"workers": 1},
    "ranker": {"threads": 1},
    "reference": {"threads": 1},
    "scoring": {"workers": 1},
}


def settings(**blocks: dict[str, Any]) -> dict[str, Any]:
    """Return parameters of the faq workload for one core, with changes by block."""
    return {"faq": {name: {**ONE_CORE.get(name, {}), **blocks.get(name, {})} for name in {*ONE_CORE, *blocks}}}


def read_metrics(data_root: Path) -> dict[str, float]:
    """Read the flat figures of a run."""
    metrics: dict[str, float] = json.loads((data_root / "08_reporting" / "faq" / "metrics.json").read_text())
    return metrics


@pytest.fixture(scope="session")
def sample_run(run_in: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run faq and then faq_score on the bundled sample; return the data_root, which no test may change."""
    work = tmp_path_factory.mktemp("sample_run")
    run_in(work, "faq", env="test", params=settings())
    return run_in(work, "faq_score", env="test", params=settings())
