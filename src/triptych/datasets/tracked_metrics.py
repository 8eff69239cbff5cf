"""Figures that are kept as a file and logged to the run."""

from __future__ import annotations

from triptych.datasets.atomic import JSONDataset


class TrackedMetricsDataset(JSONDataset):
    """Numbers by name in a JSON file; saving logs them to the MLflow run that is active, if there is one.

    Args:
        filepath: The file.
        metadata: Of no meaning to Kedro; for plugins.
    """

    def save(self, data: dict[str, float]) -> None:
        """Write the file, then log.

        Args:
            data: Numbers by name.
        """
        super().save(data)
        import mlflow

        if mlflow.active_run():
            mlflow.log_metrics(data)
