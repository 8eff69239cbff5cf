"""A model in MLflow's format."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .answers import JSON, Answer, Job, explain, write_predictions
from .asked import make_log
from .joining import Photos, Questions, count_rows
from .reading import check_rows, read_invocation

_logger = logging.getLogger("triptych.service.worker")


class Tables:
    """A model in MLflow's format, tables in and out; requests that wait together are asked together.

    Args:
        workload: `faq` or `shelf`.
        folder: The model.
        max_rows: Rows of a request.
        max_joined_rows: Rows of requests that are joined.
        log: Where measures of what is asked go: `folder`, `max_mb`; None where they are not wanted.
    """

    def __init__(
        self, workload: str, folder: str, max_rows: int, max_joined_rows: int, log: dict[str, Any] | None = None
    ) -> None:
        import mlflow.pyfunc

        self._model = mlflow.pyfunc.load_model(folder)
        self._schema = self._model.metadata.get_input_schema()
        self._join = Questions if workload == "faq" else Photos
        self._max_rows, self._max_joined_rows = max_rows, max_joined_rows
        self._log = None
        self._warm_up(Path(folder) / "serving_input_example.json")  # which nobody asked, and is not logged
        self._log = make_log(log, self._model) if log else None

    def _warm_up(self, example: Path) -> None:
        """Ask what was saved as an example: a version that cannot answer it is not taken over."""
        if example.is_file():
            status, _, body = self.answer([{"op": "invocations", "content_type": JSON, "body": example.read_bytes()}])[
                0
            ]
            if status != 200:
                raise RuntimeError(f"the model does not answer its own example: {body.decode(errors='replace')[:500]}")

    def describe(self) -> dict[str, Any]:
        """Say from which score on a detector gives what it finds."""
        detector = getattr(self._model.unwrap_python_model(), "_detector", None)
        return {"score_threshold": float(detector.score_threshold)} if detector else {}

    def answer(self, jobs: Sequence[Job]) -> list[Answer]:
        """Answer requests; those with the same parameters are joined, and a bad one loses no other."""
        answers: dict[int, Answer] = {}
        groups: dict[str, list[tuple[int, Any]]] = {}
        for number, job in enumerate(jobs):
            read = self._read_or_explain(job)
            if len(read) == 3:
                answers[number] = read
            else:
                groups.setdefault(json.dumps(read[1], sort_keys=True), []).append((number, read[0]))
        for params_text, members in groups.items():
            for part in self._divide(members):
                found = self._predict_joined([table for _, table in part], json.loads(params_text))
                answers.update(zip([number for number, _ in part], found, strict=True))
        return [answers[number] for number in range(len(jobs))]

    def _read_or_explain(self, job: Job) -> tuple[Any, dict[str, Any] | None] | Answer:
        try:
            return self._read(job)
        except Exception as error:
            return explain(error)

    def _read(self, job: Job) -> tuple[Any, dict[str, Any] | None]:
        if job["op"] == "rows":
            return job["columns"], job["params"]
        table, params = read_invocation(job["content_type"], job["body"], self._schema, self._max_rows)
        check_rows(count_rows(table), self._max_rows)
        return table, params

    def _divide(self, members: list[tuple[int, Any]]) -> Iterator[list[tuple[int, Any]]]:
        """Divide requests into parts of no more rows than are joined."""
        part: list[tuple[int, Any]] = []
        rows = 0
        for member in members:
            if part and rows + count_rows(member[1]) > self._max_joined_rows:
                yield part
                part, rows = [], 0
            part.append(member)
            rows += count_rows(member[1])
        if part:
            yield part

    def _predict_joined(self, tables: list[Any], params: dict[str, Any] | None) -> list[Answer]:
        if len(tables) > 1:
            try:
                joined = self._join(tables)
                found = joined.split(self._ask(joined.table, params).to_dict("records"))
            except Exception as error:  # whose fault it is shows when each is asked alone
                _logger.debug("asked one by one: %s", error)
            else:
                return [write_predictions(rows) for rows in found]
        return [self._predict(table, params) for table in tables]

    def _predict(self, table: Any, params: dict[str, Any] | None) -> Answer:
        import pandas as pd

        try:
            table = pd.DataFrame(table) if isinstance(table, dict) else table
            return write_predictions(self._ask(table, params).to_dict("records"))
        except Exception as error:
            return explain(error)

    def _ask(self, table: Any, params: dict[str, Any] | None) -> Any:
        found = self._model.predict(table, params=params)
        if self._log:
            self._log.add(table, found, params)
        return found
