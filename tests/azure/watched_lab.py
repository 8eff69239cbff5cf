"""A stand-in of Azure ML that runs what is submitted, with the steps of its jobs listed as run history lists them.

python -m tests.azure.watched_lab LAB

LAB is the folder of azure_lab, where the project has it: its fake_aml.py has no run history. `azure watch` then
sees a run there as it would on Azure. The lab's variables hold: AML_LAB, FAKE_AML_EXECUTE, FAKE_AML_MLFLOW.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from flask import Flask, Response
from mlflow import MlflowClient

from tests.azure.job_service import Child, add_history

_ENDED = ("Completed", "Failed")


class LabRuns:
    """Reads the lab's folders: a step's log is there from its start, and a line of the run's log tells of its end.

    Args:
        lab: Its module fake_aml.
        tracking: Where it makes a run for each step.
    """

    def __init__(self, lab: Any, tracking: MlflowClient) -> None:
        self._lab, self._tracking = lab, tracking

    def list_children(self, name: str) -> list[Child]:
        """List the steps of a job that have begun, the last one first."""
        folder = Path(self._lab.LAB) / "runs" / name
        job = next(value for key, value in self._lab.DB.items() if key.endswith(f"/jobs/{name}"))
        log = folder / "log.txt"
        ends = {words[1]: words[0] for line in _read_lines(log) if len(words := line.split(maxsplit=2)) > 1}
        logs = [path for path in (folder / "work").glob("*.log") if path.stem in job["properties"]["jobs"]]
        begun = sorted(logs, key=lambda path: path.stat().st_mtime, reverse=True)
        runs = self._find_runs(job["properties"]["experimentName"])
        if begun and job["properties"]["status"] == "Preparing":
            job["properties"]["status"] = "Running"  # the lab goes from the one to its end
        return [self._describe(path, job["properties"]["jobs"][path.stem], ends.get(path.stem), runs) for path in begun]

    def _find_runs(self, experiment: str) -> dict[str, Any]:
        found = self._tracking.get_experiment_by_name(experiment)
        if found is None:
            return {}
        runs = self._tracking.search_runs([found.experiment_id], order_by=["attributes.start_time ASC"])
        return {str(run.info.run_name): run for run in runs}  # of a name the newest

    def _describe(self, log: Path, node: dict[str, Any], end: str | None, runs: dict[str, Any]) -> Child:
        status = {"ok": "Completed", "FAIL": "Failed"}.get(end or "", "Running")
        component = self._lab.DB[node["componentId"]]["properties"]["componentSpec"]
        # Named by the lab as the node, until the step itself gives the title.
        run = runs.get(component["display_name"]) or runs.get(log.stem)
        if run is not None and status in _ENDED and not run.info.end_time:
            # On Azure the service does.
            self._tracking.set_terminated(run.info.run_id, "FINISHED" if status == "Completed" else "FAILED")
        cluster = str(node.get("computeId") or "").rpartition("/")[2]
        return Child(run.info.run_id if run else log.stem, component["display_name"], status, cluster, log)


def _read_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def main() -> None:
    """Serve until it is stopped."""
    sys.path.insert(0, sys.argv[1])
    lab = importlib.import_module("fake_aml")
    tracking = os.environ["FAKE_AML_MLFLOW"]
    app: Flask = lab.app
    add_history(app, lab.URL, LabRuns(lab, MlflowClient(tracking)).list_children)

    @app.after_request
    def name_tracking(response: Response) -> Response:
        """Name the MLflow server in the workspace, as Azure does."""
        if response.is_json and b"mlFlowTrackingUri" in response.data:
            content = response.get_json()
            content["properties"]["mlFlowTrackingUri"] = tracking
            response.data = json.dumps(content)
        return response

    folder = Path(lab.LAB)
    app.run("127.0.0.1", lab.PORT, ssl_context=(str(folder / "cert.pem"), str(folder / "key.pem")), threaded=True)


if __name__ == "__main__":
    main()
