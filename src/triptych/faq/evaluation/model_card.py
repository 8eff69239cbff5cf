"""Put the matcher and its model card together for the registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from triptych.faq.evaluation.promotion import PROVENANCE_FILE
from triptych.registry.provenance import tag_version

if TYPE_CHECKING:
    import plotly.graph_objects as go


def pick_example(questions: pd.DataFrame, roles: pd.DataFrame) -> pd.DataFrame:
    """Take two test questions (training ones if there are none) as the model's input example."""
    order = roles.sort_values(["role", "question_id"], key=_test_first, kind="stable")["question_id"]
    rows = questions.set_index("question_id").loc[order.head(2)]
    return pd.DataFrame({"title": rows["title"].to_numpy(), "body": rows["text"].to_numpy()})


def _test_first(column: pd.Series) -> pd.Series:
    return ~column.str.startswith("test_") if column.name == "role" else column


def write_report(
    metrics: dict[str, float], comparison: pd.DataFrame, plot: go.Figure, provenance: dict[str, Any]
) -> dict[str, str]:
    """Write the evaluation as files: text by name."""
    return {
        "metrics.json": json.dumps(metrics, indent=1),
        "comparison.csv": comparison.to_csv(index=False),
        # With plotly's script inside: MLflow shows it, and no request goes anywhere.
        "comparison.html": plot.to_html(include_plotlyjs=True),
        PROVENANCE_FILE: json.dumps(provenance),
    }


def describe_ranker(rankers: dict[str, Any]) -> dict[str, Any]:
    """List what the ranker was really trained with: a search may have changed the parameters."""
    settings = {f"faq.model.{name}": value for name, value in rankers["settings"].items()}
    lambdarank, linear = rankers["mix"][0]
    return settings | {
        "faq.model.rounds": rankers["rounds"][0],
        "faq.model.lambdarank_weight": lambdarank,
        "faq.model.linear_weight": linear,
        "faq.model.match_threshold": rankers["threshold"][0],
    }


def make_tags(metrics: dict[str, float], data_fingerprint: str) -> dict[str, str]:
    """Make the tags by which a version is told from others in the registry's list."""
    shown = (".model.mrr", ".model.gain_at_1")
    return tag_version(data_fingerprint, {key: value for key, value in metrics.items() if key.endswith(shown)})
