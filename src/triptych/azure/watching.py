"""What a job of Azure ML is doing: its steps with state, nodes, time, figures and the last line of their logs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from triptych.azure.job_view import JobView, StepView

__all__ = ["read_job", "read_last_line"]

_LAST_BYTES = 4096
_TIMEOUT_S = 10


def read_job(
    client: Any,
    tracking: Any,
    name: str,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    read_line: Callable[[str], str] | None = None,
) -> JobView:
    """Ask for the state of a job and of its steps.

    Args:
        client: Of the workspace (`azure.ai.ml.MLClient`).
        tracking: The workspace's `MlflowClient`: times and figures of steps.
        name: Of the job.
        now: The clock.
        read_line: Gives the last line of the log at an address; `read_last_line` if not given.

    Raises:
        LookupError: If there is no such job.
    """
    from azure.core.exceptions import ResourceNotFoundError

    try:
        job = client.jobs.get(name)
    except ResourceNotFoundError as error:
        raise LookupError(f"there is no job {name} in this workspace: `az ml job list` has the names") from error
    # Azure ML lists the newest attempt first; what was begun anew is shown once.
    children: dict[str, Any] = {}
    for child in client.jobs.list(parent_job_name=name):
        if child is not None:
            children.setdefault(str(child.display_name or child.name), child)
    planned = {_title_of(key, node): node for key, node in (getattr(job, "jobs", None) or {}).items()}
    # Those that have begun by their turn, then the others: the service need not list them in the pipeline's order.
    begun = list(reversed(children))
    titles = [*begun, *(title for title in planned if title not in children)]
    steps = tuple(
        _read_step(client, tracking, title, planned.get(title), children.get(title), now, read_line or read_last_line)
        for title in titles
    )
    return JobView(name, str(job.display_name or name), _state_of(job), str(job.studio_url or ""), steps)


def _state_of(job: Any) -> str:
    """Give what Azure ML calls it; of a job the SDK makes a member of an enumeration, of a step it does not."""
    return str(getattr(job.status, "value", job.status))


def _title_of(key: str, node: Any) -> str:
    component = getattr(node, "component", None)
    return str(getattr(node, "display_name", None) or getattr(component, "display_name", None) or key)


def _read_step(
    client: Any,
    tracking: Any,
    title: str,
    node: Any,
    child: Any,
    now: Callable[[], datetime],
    read_line: Callable[[str], str],
) -> StepView:
    about = child if getattr(child, "compute", None) else node
    cluster = str(getattr(about, "compute", None) or "").removeprefix("azureml:").rpartition("/")[2]
    resources = getattr(node, "resources", None) or getattr(child, "resources", None)
    nodes = int(getattr(resources, "instance_count", None) or 1)
    if child is None:
        return StepView(title, "Waiting", cluster, nodes)
    run = _find_run(tracking, child.name)
    metrics = dict(run.data.metrics) if run else {}
    state = _state_of(child)
    line = "" if state in ("Completed", "Canceled") else _read_progress(client, child.name, read_line)
    return StepView(title, state, cluster, nodes, _measure(run, now), line, metrics)


def _find_run(tracking: Any, name: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return tracking.get_run(name)
    except MlflowException:  # one that is queued has no run yet
        return None


def _measure(run: Any, now: Callable[[], datetime]) -> timedelta | None:
    if run is None or not run.info.start_time:
        return None
    end_ms = run.info.end_time or now().timestamp() * 1000
    return timedelta(seconds=max(0, round((end_ms - run.info.start_time) / 1000)))


def _read_progress(client: Any, name: str, read_line: Callable[[str], str]) -> str:
    from azure.core.exceptions import AzureError

    try:
        # Private to the SDK, as `jobs.stream` uses it: no public call gives the addresses of logs.
        logs: dict[str, str] = client.jobs._runs_operations.get_run_details(name).log_files or {}
    except (AttributeError, AzureError):
        return ""
    first = next((logs[path] for path in sorted(logs) if path.endswith((".txt", ".log")) and "user_logs" in path), None)
    return read_line(first) if first else ""


def read_last_line(address: str) -> str:
    """Fetch the end of a log; of a progress bar, what it showed last.

    Args:
        address: With its signature.

    Returns:
        The line; nothing, where it cannot be read.
    """
    import requests

    try:
        content = _fetch_end(address)
    except requests.RequestException:  # its text would hold the signature
        return ""
    lines = [line.rpartition("\r")[2].strip() for line in content.decode(errors="replace").split("\n")]
    return next((line for line in reversed(lines) if line), "")


def _fetch_end(address: str) -> bytes:
    """Fetch the last bytes; of blob storage the size comes first, for by `bytes=-N` it would send all of a log.

    Source: learn.microsoft.com/rest/api/storageservices/specifying-the-range-header-for-blob-service-operations
    """
    import requests

    with requests.get(address, headers={"Range": "bytes=0-0"}, timeout=_TIMEOUT_S, stream=True) as first:
        first.raise_for_status()
        size = first.headers.get("Content-Range", "").rpartition("/")[2]
        if not size.isdigit():  # it knows no ranges
            return first.content[-_LAST_BYTES:]
    start = max(0, int(size) - _LAST_BYTES)
    answer = requests.get(address, headers={"Range": f"bytes={start}-"}, timeout=_TIMEOUT_S)
    answer.raise_for_status()
    return answer.content
