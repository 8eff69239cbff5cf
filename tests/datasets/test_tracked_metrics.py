from __future__ import annotations

from pathlib import Path

import pytest

from triptych.datasets import TrackedMetricsDataset


def test_figures_are_kept_and_logged_to_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    dataset = TrackedMetricsDataset(filepath=str(tmp_path / "metrics.json"))
    mlflow.set_experiment("figures")
    with mlflow.start_run() as run:
        dataset.save({"drift.requests": 12.0, "drift.score.psi": 0.5})
    assert mlflow.get_run(run.info.run_id).data.metrics == {"drift.requests": 12.0, "drift.score.psi": 0.5}
    dataset.save({"drift.requests": 1.0})
    assert mlflow.active_run() is None
    assert dataset.load() == {"drift.requests": 1.0}
