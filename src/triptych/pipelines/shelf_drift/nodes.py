"""The nodes that compare new photos with those of the data."""

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from triptych.drift.params import DriftParams


def read_asked_photos(request_log: Path, drift: DriftParams) -> pd.DataFrame:
    """Read what was logged of photos that were asked about.

    Args:
        request_log: Folder of measures.
        drift: How many days to take.

    Returns:
        A row a request, a column a measure.
    """
    from triptych.drift.request_log import read_requests

    return read_requests(request_log, drift.days)


def compare_photos(
    drift_reference: pd.DataFrame, asked_photos: pd.DataFrame, drift: DriftParams
) -> tuple[pd.DataFrame, dict[str, float], go.Figure]:
    """Compare what was asked with the reference, measure by measure.

    Args:
        drift_reference: Measures of the test photos.
        asked_photos: Measures of what was asked.
        drift: When it is drift.

    Returns:
        A row a measure, the figures by name, and a plot of the distributions.
    """
    from triptych.drift.comparison import compare_samples
    from triptych.drift.report import flatten_drift, plot_drift

    table = compare_samples(drift_reference, asked_photos, drift)
    return table, flatten_drift(table, len(asked_photos)), plot_drift(drift_reference, asked_photos, table)


def judge_photos(drift_table: pd.DataFrame, drift: DriftParams) -> None:
    """End the run as a failure on drift, when the report is saved.

    Args:
        drift_table: The comparison.
        drift: Whether to.
    """
    from triptych.drift.report import judge_drift

    if drift.fail:
        judge_drift(drift_table)
