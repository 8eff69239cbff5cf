"""The evaluation as tables and a plotly figure."""

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from triptych.faq.evaluation.metrics import GAINS, bootstrap_metrics, summarize_ranks
from triptych.faq.ids import no_names, restore_ids
from triptych.faq.params import EvaluationParams

TEST_SETS = {"known": "new duplicates of known originals", "unseen": "originals never trained on"}
_COLOURS = {
    "model": "#1b6ca8",
    "reference": "#9aa5b1",
    "bm25": "#e0a030",
    "tfidf": "#5fa55a",
    "bm25_original": "#efcf95",
    "tfidf_original": "#aed2ab",
    "retrieval": "#6b4f9e",
    "rank_sum": "#c0504d",
    "best_view": "#7fb8c9",
    "best_two": "#d98cb3",
}


def list_rankers(ranks: pd.DataFrame) -> list[str]:
    """Name the rankers of a table of ranks, in the order of its columns."""
    return [column.removeprefix("rank.") for column in ranks.columns if column.startswith("rank.")]


def flatten_metrics(ranks: pd.DataFrame) -> dict[str, float]:
    """Give every metric of every test set and ranker as `<test set>.<ranker>.<metric>`.

    Args:
        ranks: Columns `test_set`, `candidates`, `retrieved`, and `rank.<ranker>` for each ranker; a row a question.
    """
    metrics: dict[str, float] = {}
    for test_set, rows in ranks.groupby("test_set"):
        for ranker in list_rankers(ranks):
            prefix = f"{test_set}.{ranker}"
            figures = summarize_ranks(rows[f"rank.{ranker}"].to_numpy())
            figures |= {"queries": len(rows), "candidates": float(rows["candidates"].mean())}
            figures |= {"retrieved": float(rows["retrieved"].mean())}
            metrics |= {f"{prefix}.{name}": value for name, value in figures.items()}
    return metrics


def compare_rankers(ranks: pd.DataFrame, params: EvaluationParams) -> pd.DataFrame:
    """Tabulate every metric with its interval, and the model's advantage over each other ranker with its.

    Returns:
        Columns `test_set`, `ranker`, `metric`, `value`, `low`, `high`, and `advantage`, `advantage_low`,
        `advantage_high` of the model (its value minus the ranker's, paired; missing for the model itself).
    """
    rows = []
    for test_set, table in ranks.groupby("test_set"):
        model, originals = table["rank.model"].to_numpy(), table["original_id"].to_numpy()
        drawn = (params.bootstrap_samples, params.seed, originals)
        for ranker in list_rankers(ranks):
            own = table[f"rank.{ranker}"].to_numpy()
            values = bootstrap_metrics(own, None, *drawn)
            gained = {} if ranker == "model" else bootstrap_metrics(model, own, *drawn)
            rows += [
                (test_set, ranker, metric, *interval, *gained.get(metric, (None, None, None)))
                for metric, interval in values.items()
            ]
    names = ["test_set", "ranker", "metric", "value", "low", "high"]
    return pd.DataFrame(rows, columns=[*names, "advantage", "advantage_low", "advantage_high"])


def plot_comparison(comparison: pd.DataFrame) -> go.Figure:
    """Draw gain@k with 95 % intervals as bars, one panel a test set."""
    test_sets = [name for name in TEST_SETS if name in set(comparison["test_set"])]
    titles = [f"<b>{name}</b>: {TEST_SETS[name]}" for name in test_sets]
    # One below the other: kedro-viz previews are narrow.
    figure = make_subplots(rows=max(len(test_sets), 1), cols=1, subplot_titles=titles, vertical_spacing=0.14)
    for row, test_set in enumerate(test_sets, start=1):
        table = comparison[comparison["test_set"] == test_set].set_index(["ranker", "metric"])
        for ranker in comparison["ranker"].unique():
            figure.add_trace(_bars(table.loc[ranker], ranker, show_legend=row == 1), row=row, col=1)
    figure.update_annotations(font_size=13)
    figure.update_xaxes(showgrid=False, tickangle=0)
    figure.update_yaxes(range=[0, 1], tickformat=".0%", dtick=0.25, gridcolor="rgba(128, 128, 128, 0.3)")
    figure.update_layout(
        title={"text": "Right original among the first k", "font": {"size": 16}},
        template="plotly_white",
        barmode="group",
        legend={"orientation": "h", "y": -0.08},
    )
    return figure


def _bars(rows: pd.DataFrame, ranker: str, *, show_legend: bool) -> go.Bar:
    gains = rows.loc[[f"gain_at_{k}" for k in GAINS]]
    return go.Bar(
        name=ranker,
        x=[f"gain@{k}" for k in GAINS],
        y=gains["value"].tolist(),
        error_y={
            "array": (gains["high"] - gains["value"]).tolist(),
            "arrayminus": (gains["value"] - gains["low"]).tolist(),
            "thickness": 1,
            "width": 2,
        },
        marker_color=_COLOURS.get(ranker),
        legendgroup=ranker,
        showlegend=show_legend,
    )


def list_worst_misses(
    ranks: pd.DataFrame, questions: pd.DataFrame, count: int, names: pd.DataFrame | None = None
) -> pd.DataFrame:
    """List the questions that the model ranks worst, with what it put first instead.

    Args:
        ranks: A row a test question.
        questions: Columns `question_id`, `title`.
        count: Most rows.
        names: Columns `id`, `name` of ids that are text, which are given as they came.

    Returns:
        Columns `test_set`, `rank`, `retrieved` (false: no ranker could have found it), `question_id`, `question`,
        `original_id`, `original`, `first_id`, `first`.
    """
    title = questions.set_index("question_id")["title"]
    missed = ranks[ranks["rank.model"] > 1]
    worst = missed.sort_values(["rank.model", "question_id"], ascending=[False, True]).head(count)
    names = no_names() if names is None else names
    return pd.DataFrame(
        {
            "test_set": worst["test_set"],
            "rank": worst["rank.model"],
            "retrieved": worst["retrieved"],
            "question_id": restore_ids(worst["question_id"].to_numpy(), names),
            "question": title.reindex(worst["question_id"]).to_numpy(),
            "original_id": restore_ids(worst["original_id"].to_numpy(), names),
            "original": title.reindex(worst["original_id"]).to_numpy(),
            "first_id": restore_ids(worst["first_id"].to_numpy(), names),
            "first": title.reindex(worst["first_id"]).to_numpy(),
        }
    ).reset_index(drop=True)
