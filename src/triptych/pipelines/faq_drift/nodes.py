"""The nodes that compare what is asked with the questions of the data."""

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from triptych.drift.comparison import compare_samples
from triptych.drift.params import DriftParams
from triptych.drift.report import flatten_drift, judge_drift, plot_drift
from triptych.drift.request_log import read_requests


def read_asked_questions(request_log: Path, drift: DriftParams) -> pd.DataFrame:
    """Read what was logged of questions that were asked about.

    Args:
        request_log: Folder of measures.
        drift: How many days to take.

    Returns:
        A row a request, a column a measure.
    """
    return read_requests(request_log, drift.days)


def compare_questions(
    drift_reference: pd.DataFrame, asked_questions: pd.DataFrame, drift: DriftParams
) -> tuple[pd.DataFrame, dict[str, float], go.Figure]:
    """Compare what was asked with the reference, measure by measure.

    Args:
        drift_reference: Measures of the data's questions.
        asked_questions: Measures of what was asked.
        drift: When it is drift.

    Returns:
        A row a measure, the figures by name, and a plot of the distributions.
    """
    table = compare_samples(drift_reference, asked_questions, drift)
    return (
        table,
        flatten_drift(table, len(asked_questions)),
        plot_drift(drift_reference, asked_questions, table),
    )


def judge_questions(drift_table: pd.DataFrame, drift: DriftParams) -> None:
    """End the run as a failure on drift, when the report is saved.

    Args:
        drift_table: The comparison.
        drift: Whether to.
    """
    if drift.fail:
        judge_drift(drift_table)
