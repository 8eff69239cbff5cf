"""Submit a pipeline from a job of Azure ML, as schedules do: what is the latest data is then found out at every turn.

A schedule of the compiled pipeline would not do: Azure ML puts the versions of `@latest` into it when it is created
(azure-sdk-for-python issue 32576). Nor would `kedro azureml run` in a job: where there is an identity of Azure ML,
kedro-azureml passes it over and asks for a browser.
"""

from __future__ import annotations

import os
from typing import Any

from triptych.azure.compilation import QUOTE_FAULT, QuoteError, Workbench
from triptych.azure.workspace import connect
from triptych.hooks.commit_passing import note_commit

__all__ = ["connect_as_node", "submit"]


def connect_as_node(config: Any) -> Any:
    """Open the workspace that azureml.yml names, as the node this runs on, or else as whoever is signed in.

    Args:
        config: kedro-azureml's configuration.

    Returns:
        The client (`azure.ai.ml.MLClient`); nothing is asked yet.
    """
    from azure.identity import DefaultAzureCredential

    # A user-assigned identity has to be named; Azure ML says which.
    credential = DefaultAzureCredential(managed_identity_client_id=os.environ.get("DEFAULT_IDENTITY_CLIENT_ID"))
    return connect(config, credential)


def submit(
    bench: Workbench, name: str, client: Any, environment_name: str | None = None, job_name: str | None = None
) -> Any:
    """Submit a pipeline, with the latest version of each data asset it reads.

    Args:
        bench: The environment.
        name: The pipeline.
        client: Of the workspace.
        environment_name: Azure ML environment of the steps, `NAME:VERSION`; the one of azureml.yml if not given.
        job_name: Of the job in the workspace, where who asks may ask twice: the second time gives the job that is
            there. Azure ML chooses one if not given.

    Returns:
        The job as Azure ML took it, with `name` and `studio_url`.

    Raises:
        QuoteError: If parameters of the command line cannot be handed on to nodes.
    """
    if bench.has_quotes:
        raise QuoteError(QUOTE_FAULT)
    if job_name and (found := _find(client, job_name)) is not None:
        return found
    job = bench.build(name, environment_name)
    if job_name:
        job.name = job_name
    note_commit(job)
    return client.jobs.create_or_update(job, experiment_name=bench.config.azure.experiment_name)


def _find(client: Any, job_name: str) -> Any:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return client.jobs.get(job_name)
    except ResourceNotFoundError:
        return None
