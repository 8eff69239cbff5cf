"""Sizes and results of faq's runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
