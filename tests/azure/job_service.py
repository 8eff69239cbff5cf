"""What Azure ML answers of a job and its steps, over HTTPS, to its own SDK: workspace, job and run history.

Paths and fields are those of the service (azure-ai-ml's clients of ARM and of run history): a pipeline's steps are no
jobs of ARM, but children of its run. Their times and figures are in MLflow.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server, make_ssl_devcert

WORKSPACE = "/subscriptions/<sub>/resourceGroups/<rg>/providers/Microsoft.MachineLearningServices/workspaces/<ws>"
HISTORY = f"/history/v1.0{WORKSPACE}/runs/<run>"


@dataclass(frozen=True)
class Child:
    """A step as run history has it, once it was submitted.

    Attributes:
        run: Its id, which is that of its MLflow run.
        title: Display name.
        status: As Azure ML calls it.
        cluster: Where it runs.
        log: File of what it has written so far.
    """

    run: str
    title: str
    status: str
    cluster: str
    log: Path | None = None


def add_history(app: Flask, address: str, list_children: Callable[[str], Sequence[Child]]) -> None:
    """Let a service answer for the steps of its jobs.

    Args:
        app: The service.
        address: Its own.
        list_children: Gives those of a job, newest first.
    """
    known: dict[str, Child] = {}

    @app.get(f"{HISTORY}/children")
    def children(run: str, **_: str) -> Response:
        found = list_children(run)
        known.update({child.run: child for child in found})
        return jsonify(value=[describe(child, run) for child in found], nextLink=None)

    @app.get("/steps/<run>/log.txt")
    def log(run: str) -> Response:
        file = known[run].log
        return Response(file.read_bytes() if file and file.exists() else b"", mimetype="text/plain")

    @app.before_request
    def details() -> Response | None:
        """Answer before a route for whole jobs does."""
        parts = request.path.split("/")
        if parts[-1] != "details" or parts[-2] not in known:
            return None
        files = {"user_logs/std_log.txt": f"{address}/steps/{parts[-2]}/log.txt"}
        return jsonify(runId=parts[-2], status=known[parts[-2]].status, logFiles=files, properties={})


def describe(child: Child, parent: str) -> dict[str, Any]:
    """Write a child as run history does."""
    return {
        "runId": child.run,
        "parentRunId": parent,
        "rootRunId": parent,
        "displayName": child.title,
        "status": child.status,
        "runType": "azureml.StepRun",
        "compute": {"target": child.cluster, "targetType": "amlcompute"},
        "properties": {"azureml.pipelinerunid": parent},
        "tags": {},
        "createdUtc": "2026-11-29T10:00:00+00:00",
    }


@contextlib.contextmanager
def serve_app(app: Flask, folder: Path) -> Iterator[str]:
    """Serve on a free port of this machine by HTTPS, and give the address; the certificate is `folder`/cert.crt."""
    certificate = make_ssl_devcert(str(folder / "cert"), host="localhost")
    server = make_server("localhost", 0, app, threaded=True, ssl_context=certificate)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


def make_workspace(address: Callable[[], str], job: dict[str, Any]) -> Flask:
    """Make a service with one workspace, which has one job.

    Args:
        address: Gives its own.
        job: `properties` of the job as ARM has them; its name is the last part of whatever is asked for.
    """
    app = Flask("workspace")

    def document(**properties: Any) -> Response:
        name = request.path.rpartition("/")[2]
        return jsonify(id=request.path, name=name, type="x", properties=properties, location="x", tags={})

    @app.get("/metadata/endpoints")
    def metadata() -> Response:
        authentication = {"loginEndpoint": address(), "audiences": [address()], "tenant": "common"}
        cloud = {"name": "TestCloud", "portal": address(), "resourceManager": address()}
        return jsonify([{**cloud, "authentication": authentication, "suffixes": {"storage": "core.windows.net"}}])

    @app.get(WORKSPACE)
    def workspace(**_: str) -> Response:
        return document(discoveryUrl=f"{address()}/discovery", mlFlowTrackingUri="azureml:x", friendlyName="ws")

    @app.get("/discovery")
    def discovery() -> Response:
        return jsonify({key: address() for key in ("history", "api", "experimentation", "studio")})

    @app.get(f"{WORKSPACE}/jobs/<name>")
    def get_job(name: str, **_: str) -> Any:
        if name != "job1":
            return jsonify(error={"code": "NotFound", "message": f"no {name}"}), 404
        return document(**job)

    return app
