"""Azure ML's data collector: a stand-in for what takes tables, and its lines as its documentation shows them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd


class StandIn:
    """Takes tables as `azureml.ai.monitoring.Collector` does, and keeps them."""

    def __init__(self) -> None:
        self.tables: list[pd.DataFrame] = []

    def collect(self, table: pd.DataFrame, context: Any = None) -> Any:
        self.tables.append(table)
        return context


def write_line(folder: Path, table: pd.DataFrame, when: datetime) -> Path:
    """Write a table as one line, where and how the collector does (`to_json`, as of azureml-ai-monitoring 1.0.0)."""
    event = {
        "specversion": "1.0",
        "id": "725aa8af-0834-415c-aaf5-c76d0c08f694",
        "source": "/subscriptions/0/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/w",
        "type": "azureml.inference.model_inputs",
        "datacontenttype": "application/json",
        "time": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": json.loads(table.to_json(orient="records")),
        "correlationid": "bbbb1111-cc22-3333-44dd-555555eeeeee",
        "modelversion": "default",
        "collectdatatype": "pandas.core.frame.DataFrame",
        "agent": "azureml-ai-monitoring/1.0.0",
        "contentrange": "bytes 0-116/117",
    }
    file = folder / when.strftime("%Y/%m/%d/%H") / "0f1c.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(event) + "\n")
    return file
