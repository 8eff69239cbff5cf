"""Looks whether something landed since the last run of video began, and starts one if so: for closed accounts.

It does without events and queue, which would have to reach into a closed account: the list of what lies in the
container is compared with that of the last start. What a file is, and which are new, the pipeline finds itself.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

_logger = logging.getLogger(__name__)
_ENDED = frozenset({"Completed", "Failed", "Canceled", "NotResponding", "NotFound"})
_AUDIENCE = "https://ml.azure.com/.default"
_TIMEOUT_S = 120


class Endpoint(Protocol):
    """What runs the pipeline."""

    def start(self) -> str:
        """Start a run, and give its name."""

    def look(self, job: str) -> str:
        """Give the state of a run."""


class RunFailedError(Exception):
    """A run that was started here has not completed."""


@dataclass
class Memory:
    """What is known of the last start; both are empty before the first.

    Attributes:
        seen: What lay in the container then.
        job: The run, until its end was seen.
    """

    seen: str = ""
    job: str = ""


def look(list_files: Callable[[], list[tuple[str, str]]], memory: Memory, endpoint: Endpoint) -> bool:
    """Start a run if something landed, one at a time.

    Args:
        list_files: Gives name and ETag of all files of the container.
        memory: Of the last start; changed.
        endpoint: What runs the pipeline.

    Returns:
        Whether the memory has changed, and is to be kept.

    Raises:
        RunFailedError: Once for each run that ended otherwise than completed; the memory has changed then too.
    """
    if memory.job:
        state = endpoint.look(memory.job)
        if state not in _ENDED:
            return False
        ended, memory.job = memory.job, ""
        if state != "Completed":
            raise RunFailedError(f"run {ended} of video ended as {state}")
    files = sorted(list_files())
    seen = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    if not files or seen == memory.seen:
        return False
    # Not before it has started: else a failure would lose what landed.
    memory.job = endpoint.start()
    memory.seen = seen
    _logger.info("started %s: %d files in the container", memory.job, len(files))
    return True


class BatchEndpoint:
    """A batch endpoint of Azure ML, and the run history of its workspace.

    Args:
        scoring_uri: Where it is invoked.
        history_uri: Of the workspace's runs.
        get_token: Gives a token for Azure ML.
    """

    def __init__(self, scoring_uri: str, history_uri: str, get_token: Callable[[], str]) -> None:
        self._scoring_uri, self._history_uri, self._get_token = scoring_uri, history_uri, get_token

    def start(self) -> str:
        """Start a run, and give its name."""
        answer = self._ask("POST", self._scoring_uri, json={"properties": {"InputData": {}, "OutputData": {}}})
        return str(answer["name"])

    def look(self, job: str) -> str:
        """Give the state of a run; `NotFound` of one that the workspace no longer knows."""
        answer = self._ask("GET", f"{self._history_uri}/runs/{job}", gone="NotFound")
        return str(answer["status"])

    def _ask(self, method: str, address: str, gone: str = "", **more: Any) -> Any:
        import requests

        headers = {"Authorization": f"Bearer {self._get_token()}"}
        answer = requests.request(method, address, headers=headers, timeout=_TIMEOUT_S, **more)
        if gone and answer.status_code == requests.codes.not_found:
            return {"status": gone}
        answer.raise_for_status()
        return answer.json()


def main() -> None:
    """Look once, as the variables of the function app say."""
    from azure.identity import DefaultAzureCredential
    from azure.storage.blob import BlobClient, ContainerClient

    credential = DefaultAzureCredential()
    landing = ContainerClient.from_container_url(os.environ["LANDING_URI"], credential)
    kept = BlobClient.from_blob_url(os.environ["MEMORY_URI"], credential)
    endpoint = BatchEndpoint(
        os.environ["SCORING_URI"], os.environ["HISTORY_URI"], lambda: credential.get_token(_AUDIENCE).token
    )
    look_and_keep(lambda: [(blob.name, blob.etag) for blob in landing.list_blobs()], kept, endpoint)


def look_and_keep(list_files: Callable[[], list[tuple[str, str]]], kept: Any, endpoint: Endpoint) -> None:
    """Look, with the memory in a blob."""
    memory = Memory(**json.loads(kept.download_blob().readall())) if kept.exists() else Memory()
    try:
        changed = look(list_files, memory, endpoint)
    except RunFailedError:
        _keep(kept, memory)
        raise  # the app's log, and the mail that comes of it
    if changed:
        _keep(kept, memory)


def _keep(kept: Any, memory: Memory) -> None:
    kept.upload_blob(json.dumps({"seen": memory.seen, "job": memory.job}), overwrite=True)
